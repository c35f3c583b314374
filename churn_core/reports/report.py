"""The report of a bundle: one HTML page without a script, a second file or any access to the network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

from churn_core.models.bundle.notes import BundleNotes
from churn_core.models.evaluation.doubts import doubt_training, is_chance
from churn_core.models.evaluation.selection import GIVEN_AWAY
from churn_core.models.export.parity import TOLERANCE
from churn_core.models.families import FAMILIES
from churn_core.reports.curves import plot_money, plot_precision_recall, plot_roc
from churn_core.reports.headline import headline
from churn_core.reports.measures import (
    calibration_bins,
    cumulative_gains,
    feature_importances,
    ranked_tenths,
    training_contributions,
)
from churn_core.reports.plots import plot_calibration, plot_decision, plot_effect, plot_gains, plot_scores
from churn_core.reports.shapes import sparkline, value_effects
from churn_core.schema import LARGEST_FLOAT32, NumberFeature
from churn_core.scoring.bundle import PORTABLE_GRAPH, SCORING_GRAPH
from churn_core.scoring.money import format_amount
from churn_core.scoring.scores import round_probability

if TYPE_CHECKING:
    import numpy.typing as npt
    from markupsafe import Markup

    from churn_core.models.churn_model import ChurnModel
    from churn_core.models.evaluation.ranking import Point
    from churn_core.models.evaluation.threshold import Decision
    from churn_core.models.export.prove import ProvedModel
    from churn_core.reports.measures import FeatureImportance
    from churn_core.reports.shapes import ValueEffect

METRICS: Final = {
    "roc_auc": (
        "ROC AUC",
        "probability that a leaver scores above a stayer; 0.5 is guessing, 1 is perfect",
    ),
    "pr_auc": (
        "Average precision",
        "how many of the highest-scored customers leave, averaged over all lengths of the list;"
        " guessing gives the share of all who leave",
    ),
    "log_loss": ("Log loss", "penalty for wrong probabilities, in nats; lower is better"),
    "brier": ("Brier score", "mean squared error of the probabilities; lower is better"),
    "ece": ("Calibration error", "mean gap between score and observed share; lower is better"),
    "lift_top_tenth": (
        "Lift in the top tenth",
        "how many times as many leave among the tenth with the highest scores as among all",
    ),
    "accuracy": ("Accuracy", "share of right decisions at the threshold"),
    "precision": ("Precision", "share of the flagged customers who left"),
    "recall": ("Recall", "share of the leavers who were flagged"),
    "f1": ("F1", "low where many flagged customers stay, or many leavers are not flagged; 1 is perfect"),
}

ALTERNATIVES: Final = (0.05, 0.1, 0.2, 0.3, 0.5, 1.0)
"""Shares of the customers that the table of decisions shows after the chosen one."""

SHOWN_FEATURES: Final = 30
"""Features in the table of strengths: the page of a table of a thousand columns stays readable."""

SHOWN_EFFECTS: Final = 8
"""Features whose values are shown, the strongest first."""

SHOWN_VALUES: Final = 12

_CHOICE_TITLES: Final = {
    "families": "Model families",
    "pairs": "Pairs of columns that the model may combine",
}


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("churn_core.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"number": format}
    return environment


TEMPLATES: Final = _environment()


def render_report(proved: ProvedModel, notes: BundleNotes | None = None) -> str:
    """Write the report of a proved model.

    Parameters
    ----------
    proved : ProvedModel
    notes : BundleNotes, optional
        The table's name, warnings, and whether it is a first look.

    Returns
    -------
    str
        An HTML page; the same for the same model, whenever it is written.
    """
    model = proved.model
    settings = model.settings
    labels, exact = model.holdout_labels, model.holdout_probabilities
    rounded = round_probability(exact)
    bins = calibration_bins(labels, exact)
    contributions = training_contributions(proved)
    importances = feature_importances(proved, contributions)
    drawn, listed = _effects(model, importances, contributions)
    notes = notes or BundleNotes()
    money = model.decision.money
    currency = None if money is None else money.currency
    return TEMPLATES.get_template("report.html.j2").render(
        model=model,
        notes=notes,
        headline=headline(
            model.decision, chance=is_chance(doubt_training(model.cv["roc_auc"], model.labels))
        ),
        amount=lambda value: format_amount(value, currency),
        largest=LARGEST_FLOAT32,
        settings=settings,
        contract=model.contract,
        decision=model.decision,
        parity=proved.parity,
        family=_family_name(model),
        metrics=METRICS,
        repeats=settings.evaluation.repeat_count(model.rows["training"]),
        bins=bins,
        tenths=ranked_tenths(labels, exact),
        plots={
            "calibration": plot_calibration(bins),
            "gains": plot_gains(cumulative_gains(labels, rounded, proved.threshold), float(labels.mean())),
            "scores": plot_scores(labels, rounded, proved.threshold),
            "decision": plot_decision(model.decision),
            "roc": plot_roc(labels, exact, model.holdout["roc_auc"]),
            "precision_recall": plot_precision_recall(labels, exact),
            "money": None if money is None else plot_money(model.decision),
        },
        alternatives=_alternatives(model.decision),
        outcomes=_outcomes(labels == 1, rounded >= proved.threshold),
        importances=importances,
        shapes=_shapes(model, importances, contributions),
        shown_features=SHOWN_FEATURES,
        given_away=GIVEN_AWAY,
        drawn_effects=drawn,
        listed_effects=listed,
        shown_values=SHOWN_VALUES,
        reasons_method=proved.scoring.reasons_method,
        choice_titles=_CHOICE_TITLES,
        graphs=(SCORING_GRAPH, PORTABLE_GRAPH),
        tolerance=TOLERANCE,
        making=_making(model),
    )


@dataclass(frozen=True, slots=True)
class _DrawnEffect:
    """A number feature's plot, and the effect of its missing values if there are any."""

    name: str
    drawing: Markup
    missing: ValueEffect | None


def _effects(
    model: ChurnModel, importances: list[FeatureImportance], contributions: npt.NDArray[np.float32]
) -> tuple[list[_DrawnEffect], list[tuple[str, list[ValueEffect]]]]:
    """Return the strongest features' effects by value: numbers as plots, categories as lists."""
    contract, matrix = model.contract, model.training_matrix
    drawn: list[_DrawnEffect] = []
    listed: list[tuple[str, list[ValueEffect]]] = []
    for importance in importances[:SHOWN_EFFECTS]:
        position = contract.position(importance.name)
        feature = contract.features[position]
        effects = value_effects(feature, matrix[:, position], contributions[:, position])
        intervals = [effect for effect in effects if not np.isnan(effect.position)]
        if isinstance(feature, NumberFeature) and len(intervals) > 1:
            missing = next((effect for effect in effects if np.isnan(effect.position)), None)
            drawing = plot_effect(intervals, f"effect-{position}")
            drawn.append(_DrawnEffect(feature.label, drawing, missing))
        else:
            listed.append((feature.label, effects))
    return drawn, listed


def _shapes(
    model: ChurnModel, importances: list[FeatureImportance], contributions: npt.NDArray[np.float32]
) -> dict[str, tuple[str, Markup]]:
    """Return the label and the small picture of each listed feature's effect, by its name."""
    contract, matrix = model.contract, model.training_matrix
    shapes = {}
    for importance in importances[:SHOWN_FEATURES]:
        position = contract.position(importance.name)
        feature = contract.features[position]
        effects = value_effects(feature, matrix[:, position], contributions[:, position])
        shapes[importance.name] = feature.label, sparkline(effects)
    return shapes


def _alternatives(decision: Decision) -> list[Point]:
    """Return what the chosen threshold brings, then what the shares of `ALTERNATIVES` would."""
    contacted = np.array([point["contacted_per_1000"] for point in decision.curve])
    nearest = [decision.curve[int(np.argmin(np.abs(contacted - 1000 * share)))] for share in ALTERNATIVES]
    chosen = {name: interval["mean"] for name, interval in decision.expected.items()}
    return [chosen | {"threshold": decision.threshold}, *nearest]


def _outcomes(left: npt.NDArray[np.bool_], flagged: npt.NDArray[np.bool_]) -> list[dict[str, Any]]:
    groups = {"Left": left, "Stayed": ~left, "All": np.ones_like(left)}
    return [
        {"name": name, "flagged": int((group & flagged).sum()), "not_flagged": int((group & ~flagged).sum())}
        for name, group in groups.items()
    ]


def _making(model: ChurnModel) -> list[tuple[str, str]]:
    settings = model.settings
    parameters = FAMILIES[settings.model.type].defaults | settings.model.params
    bands = model.risk_bands
    return [
        ("Model family", _family_name(model)),
        ("Parameters", ", ".join(f"{name} = {value}" for name, value in sorted(parameters.items()))),
        ("Calibration", "sigmoid" if model.calibrated else "none"),
        ("Share of rows held out", f"{settings.data.test_size:g}"),
        ("Random seed", str(settings.data.random_state)),
        ("Risk", f"medium from {bands['medium']:g}, high from {bands['high']:g}"),
    ]


def _family_name(model: ChurnModel) -> str:
    return model.settings.model.type.replace("_", " ")

"""The report of a bundle: one HTML page that needs no network, no script and no second file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from churn_core.models.export.parity import TOLERANCE
from churn_core.models.families import FAMILIES
from churn_core.reports.choice_section import choice_section
from churn_core.reports.contract_section import contract_section
from churn_core.reports.decision_section import decision_section
from churn_core.reports.measures import (
    FeatureImportance,
    calibration_bins,
    cumulative_gains,
    feature_importances,
    ranked_tenths,
    training_contributions,
)
from churn_core.reports.page import Markup, element, join, page, paragraph, table
from churn_core.reports.plots import plot_calibration, plot_gains, plot_scores
from churn_core.reports.shapes_section import shapes_section
from churn_core.scoring.bundle import PORTABLE_GRAPH, SCORING_GRAPH
from churn_core.scoring.scores import round_probability

if TYPE_CHECKING:
    from churn_core.config import RiskBands
    from churn_core.models.churn_model import ChurnModel
    from churn_core.models.export.prove import ProvedModel

METRICS: Final = {
    "roc_auc": ("ROC AUC", "chance that a leaver scores above a stayer; 0.5 is guessing, 1 is perfect"),
    "pr_auc": ("Average precision", "precision over all thresholds; guessing gives the churn rate"),
    "log_loss": ("Log loss", "price of wrong probabilities, in nats; lower is better"),
    "brier": ("Brier score", "mean squared error of the probabilities; lower is better"),
    "ece": ("Calibration error", "mean gap between score and observed share; lower is better"),
    "lift_top_tenth": ("Lift in the top tenth", "churn rate of the highest-scored tenth over everybody’s"),
    "accuracy": ("Accuracy", "share of right decisions at the threshold"),
    "precision": ("Precision", "share of the flagged customers who left"),
    "recall": ("Recall", "share of the leavers who were flagged"),
    "f1": ("F1", "harmonic mean of precision and recall"),
}

SHOWN_FEATURES: Final = 30
"""The most important features; the page of a table of a thousand columns stays readable."""


def render_report(proved: ProvedModel) -> str:
    """Write the report of a proved model.

    Parameters
    ----------
    proved : ProvedModel

    Returns
    -------
    str
        An HTML page; the same for the same model, whenever it is written.
    """
    model = proved.model
    contributions = training_contributions(proved)
    importances = feature_importances(proved, contributions)
    return page(
        f"Churn model “{model.settings.project.name}”",
        [
            _summary(model),
            _metrics(model),
            _scores(proved),
            decision_section(proved),
            _importance(importances),
            shapes_section(proved, importances, contributions),
            *choice_section(model),
            _parity(proved),
            contract_section(model.contract),
            _making(proved),
        ],
    )


def _summary(model: ChurnModel) -> Markup:
    facts = {
        "ROC AUC (guessing: 0.5, perfect: 1)": f"{model.holdout['roc_auc']:.3f}",
        "Churn in the highest-scored tenth, times the average": f"{model.holdout['lift_top_tenth']:.2f}",
        "Leavers who are flagged": f"{model.holdout['recall']:.1%}",
        "Flagged customers who do leave": f"{model.holdout['precision']:.1%}",
    }
    return join(
        [
            paragraph(
                f"This {_family_name(model)} model estimates how likely a customer is to leave. It was"
                f" trained on {model.rows['training']:,} customers and tried on {model.rows['holdout']:,}"
                f" others whom it had never seen; {model.holdout_labels.mean():.1%} of those left. On the"
                " unseen customers:"
            ),
            element(
                "dl",
                join(
                    element("div", join([element("dt", meaning), element("dd", value)]))
                    for meaning, value in facts.items()
                ),
                'class="key"',
            ),
        ]
    )


def _metrics(model: ChurnModel) -> Markup:
    folds_each = model.settings.evaluation.folds
    repeats = model.settings.evaluation.repeat_count(model.rows["training"])
    rows = []
    for name, held_out in model.holdout.items():
        label, meaning = METRICS[name]
        folds = model.cv[name]
        interval = f"{folds['low']:.3f} to {folds['high']:.3f}"
        rows.append((label, f"{folds['mean']:.3f}", interval, f"{held_out:.3f}", meaning))
    return join(
        [
            element("h2", "How good it is"),
            table(
                "Metrics on customers whom the model had not seen",
                ("Metric", "Cross-validated", "95% interval", "Held out", "Meaning"),
                rows,
            ),
            paragraph(
                f"Cross-validated: the mean over {folds_each} folds, drawn {repeats}"
                f" time{'' if repeats == 1 else 's'}; the interval is that of the mean, corrected"
                " for the overlap of the training rows. Held out: rows set aside before anything was fitted"
                " or chosen."
            ),
        ]
    )


def _scores(proved: ProvedModel) -> Markup:
    labels, exact = proved.model.holdout_labels, proved.model.holdout_probabilities
    rounded = round_probability(exact)
    bins = calibration_bins(labels, exact)
    gains = cumulative_gains(labels, rounded, proved.threshold)
    plots = {
        "Do the scores mean what they say? Of customers who score 30%, 30% should leave: a point on the"
        " dotted line. Bars are 95% intervals.": plot_calibration(bins),
        "Whom to contact first? The share of all leavers that is reached when the customers with the highest"
        " scores are contacted first.": plot_gains(gains, float(labels.mean())),
        "Are the two groups told apart? The scores of those who left and of those who stayed; each group adds"
        " up to 100%.": plot_scores(labels, rounded, proved.threshold),
    }
    figures = join(
        element("figure", join([Markup(drawing), element("figcaption", caption)]))
        for caption, drawing in plots.items()
    )
    numbers = [
        element("summary", "The numbers behind the plots"),
        table(
            "Calibration: bins of about equal size, lowest scores first",
            ("Bin", "Customers", "Mean score", "Left", "95% interval"),
            [
                (str(n), f"{b.customers:,}", f"{b.mean_score:.1%}", f"{b.churn_rate:.1%}", b.interval)
                for n, b in enumerate(bins, start=1)
            ],
        ),
        table(
            "Lift: tenths of the customers, highest scores first",
            ("Tenth", "Customers", "Left", "Lift", "Leavers reached so far"),
            [
                (str(n), f"{t.customers:,}", f"{t.leavers:,}", f"{t.lift:.3f}", f"{t.reached:.1%}")
                for n, t in enumerate(ranked_tenths(labels, exact), start=1)
            ],
        ),
    ]
    return join(
        [
            element("h2", "Scores of the held-out customers"),
            element("div", figures, 'class="plots"'),
            element("details", join(numbers)),
        ]
    )


def _importance(importances: list[FeatureImportance]) -> Markup:
    heading = element("h2", "Which features matter")
    strongest = importances[0].strength or 1.0
    rows = [
        (i.name, f"{i.strength:.3f}", _bar(i.strength / strongest), i.direction)
        for i in importances[:SHOWN_FEATURES]
    ]
    return join(
        [
            heading,
            table(
                f"Features by strength, the first {len(rows)} of {len(importances)}",
                ("Feature", "Strength", "Compared", "Higher values mean"),
                rows,
            ),
            paragraph(
                "Strength: by how much a feature moves a customer’s score up or down from the average, in"
                " log-odds, as a mean over the training rows. It tells what the model uses, not what causes"
                " churn."
            ),
        ]
    )


def _bar(share: float) -> Markup:
    return Markup(f'<div class="bar" style="width:{share:.1%}"></div>')


def _parity(proved: ProvedModel) -> Markup:
    parity = proved.parity
    return join(
        [
            element("h2", "Does the exported model answer as the trained one?"),
            paragraph(
                f"Yes. Before anything was written, {SCORING_GRAPH} and {PORTABLE_GRAPH} were held against"
                f" scikit-learn on {parity.rows_compared:,} rows. The largest difference of a probability was"
                f" {parity.max_abs_difference:.2g} (allowed: {TOLERANCE:g}); decisions that changed:"
                f" {parity.decisions_changed}."
            ),
            table(
                "Rows compared",
                ("Kind of row", "Rows"),
                [(kind.capitalize(), f"{count:,}") for kind, count in parity.rows_by_kind.items()],
            ),
        ]
    )


def _making(proved: ProvedModel) -> Markup:
    settings = proved.model.settings
    parameters = FAMILIES[settings.model.type].defaults | settings.model.params
    rows = [
        ("Model family", _family_name(proved.model)),
        ("Parameters", ", ".join(f"{name} = {value}" for name, value in sorted(parameters.items()))),
        ("Calibration", "sigmoid" if proved.model.calibrated else "none"),
        ("Share of rows held out", f"{settings.data.test_size:g}"),
        ("Random seed", str(settings.data.random_state)),
        ("Risk", _risk(settings.decision.risk_bands)),
    ]
    return join([element("h2", "How it was made"), table("Settings", ("Setting", "Value"), rows)])


def _risk(bands: RiskBands) -> str:
    return f"medium from {bands.medium:g}, high from {bands.high:g}"


def _family_name(model: ChurnModel) -> str:
    return model.settings.model.type.replace("_", " ")

"""What a report says about how each feature's values move the score."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from churn_core.reports.page import Markup, element, join, paragraph, table
from churn_core.reports.plots import plot_effect
from churn_core.reports.shapes import value_effects
from churn_core.schema import NumberFeature

if TYPE_CHECKING:
    import numpy.typing as npt

    from churn_core.models.export.prove import ProvedModel
    from churn_core.reports.measures import FeatureImportance
    from churn_core.reports.shapes import ValueEffect

SHOWN: Final = 8
"""Features that are shown, the strongest first."""

SHOWN_VALUES: Final = 12


def shapes_section(
    proved: ProvedModel, importances: list[FeatureImportance], contributions: npt.NDArray[np.float32]
) -> Markup:
    """Draw the contributions of the strongest features over their values.

    Parameters
    ----------
    proved : ProvedModel
    importances : list of FeatureImportance
        The strongest first.
    contributions : ndarray of float32, shape (rows, features)
        Of the training rows, in log-odds.
    """
    contract, matrix = proved.model.contract, proved.model.training_matrix
    numbers, categories = [], []
    for importance in importances[:SHOWN]:
        position = contract.position(importance.name)
        feature = contract.features[position]
        effects = value_effects(feature, matrix[:, position], contributions[:, position])
        drawn = [effect for effect in effects if not np.isnan(effect.position)]
        if isinstance(feature, NumberFeature) and len(drawn) > 1:
            numbers.append(_figure(importance.name, f"effect-{position}", drawn, effects))
        else:
            categories.append(_values(importance.name, effects))
    parts = [
        element("h2", "How values move the score"),
        paragraph(
            "What a value adds to a customer’s log-odds of leaving, or takes from them, beside the average"
            " customer: 0.7 doubles the odds, -0.7 halves them. The range holds four fifths of the"
            " customers with that value; it is wide where another column decides what the value means."
        ),
        paragraph(f"The reasons that come with each score are {proved.scoring.reasons_method}."),
    ]
    if numbers:
        parts.append(element("div", join(numbers), 'class="plots"'))
    return join([*parts, *categories])


def _figure(name: str, key: str, drawn: list[ValueEffect], effects: list[ValueEffect]) -> Markup:
    missing = [effect for effect in effects if np.isnan(effect.position)]
    caption = name + "".join(
        f" (missing, {effect.share:.1%} of the customers: {effect.mean:+.2f})" for effect in missing
    )
    return element("figure", join([Markup(plot_effect(drawn, key)), element("figcaption", caption)]))


def _values(name: str, effects: list[ValueEffect]) -> Markup:
    shown = effects[:SHOWN_VALUES]
    rest = len(effects) - len(shown)
    rows = [
        (
            effect.label,
            f"{effect.share:.1%}",
            f"{effect.mean:+.3f}",
            f"{effect.low:+.2f} to {effect.high:+.2f}",
        )
        for effect in shown
    ]
    caption = name if not rest else f"{name}: the {len(shown)} values that drive away most, of {len(effects)}"
    return table(caption, ("Value", "Customers", "Contribution", "Range"), rows)

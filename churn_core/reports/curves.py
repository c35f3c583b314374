"""The curves of a report over all thresholds: ROC, precision and recall, and money."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from matplotlib import style
from sklearn.metrics import precision_recall_curve, roc_curve

from churn_core.reports.drawing import INK, LEAVERS, STAYERS, STYLE, canvas, inline_svg, plain_or_thousands

if TYPE_CHECKING:
    import numpy.typing as npt
    from markupsafe import Markup

    from churn_core.models.evaluation.threshold import Decision

    Labels = npt.NDArray[np.int64]
    Probabilities = npt.NDArray[np.float64]

_POINTS: Final = 201
"""Points of a curve: a fixed number keeps the page small for any number of held-out rows."""


def plot_roc(labels: Labels, probabilities: Probabilities, area: float) -> Markup:
    """Plot the share of leavers flagged against the share of stayers flagged, over all thresholds."""
    stayers, leavers, _ = roc_curve(labels, probabilities)
    grid = np.linspace(0, 1, _POINTS)
    with style.context(["default", STYLE]):
        figure, axes = canvas("share of stayers flagged", "share of leavers flagged")
        axes.plot(
            grid, np.interp(grid, stayers, leavers), color=LEAVERS, label=f"this model, area {area:.3f}"
        )
        axes.plot([0, 1], [0, 1], color=INK, linestyle=":", linewidth=1.2, label="guessing, area 0.5")
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1.02)
        axes.legend(loc="lower right")
        found = [float(np.interp(share, stayers, leavers)) for share in (0.1, 0.3)]
        return inline_svg(
            figure,
            "roc",
            f"ROC curve with area {area:.3f}. When 10% of the stayers are flagged, {found[0]:.1%} of the"
            f" leavers are; when 30% are, {found[1]:.1%}.",
        )


def plot_precision_recall(labels: Labels, probabilities: Probabilities) -> Markup:
    """Plot the share of flagged customers who leave against the share of leavers flagged."""
    precision, recall, _ = precision_recall_curve(labels, probabilities)
    kept = np.unique(np.linspace(0, len(recall) - 1, _POINTS).astype(np.int64))
    rate = float(labels.mean())
    with style.context(["default", STYLE]):
        figure, axes = canvas("share of leavers flagged", "share of flagged who leave")
        axes.plot(recall[kept], precision[kept], color=LEAVERS, label="this model")
        axes.axhline(rate, color=INK, linestyle=":", linewidth=1.2, label=f"guessing ({rate:.1%})")
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1.02)
        axes.legend(loc="upper right")
        at_half = float(precision[np.flatnonzero(recall >= 0.5)[-1]])
        return inline_svg(
            figure,
            "precision-recall",
            f"Precision and recall. When half of the leavers are flagged, {at_half:.1%} of the flagged leave;"
            f" of all customers, {rate:.1%} do.",
        )


def plot_money(decision: Decision) -> Markup:
    """Plot the profit per 1,000 customers against the threshold; the decision must have money values."""
    thresholds = np.array([point["threshold"] for point in decision.curve])
    profits = np.array([point["profit_per_1000"] for point in decision.curve])
    currency = "" if decision.money is None or decision.money.currency is None else decision.money.currency
    best = decision.observed_best
    with style.context(["default", STYLE]):
        figure, axes = canvas("threshold", f"profit per 1,000 customers {currency}".strip())
        axes.set_position((0.17, 0.14, 0.77, 0.83))
        axes.yaxis.set_major_formatter(plain_or_thousands(profits))
        axes.axvspan(
            best.low, min(best.high, 1.0), color=STAYERS, alpha=0.2, linewidth=0, label="95% of samples"
        )
        axes.plot(thresholds, profits, color=LEAVERS, label="out of fold")
        axes.axhline(0, color=INK, linewidth=0.8)
        axes.axvline(
            min(decision.threshold, 1.0), color=INK, linestyle=":", linewidth=1.5, label="chosen threshold"
        )
        axes.set_xlim(0, 1)
        axes.legend(loc="best")
        return inline_svg(
            figure,
            "money",
            f"Profit per 1,000 customers by threshold: {profits.max():,.6g} at best,"
            f" {profits[-1]:,.6g} if everybody is contacted; chosen is {decision.threshold:.3f}.",
        )

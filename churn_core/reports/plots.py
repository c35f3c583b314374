"""The plots of a report, as SVG elements inside an HTML page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from matplotlib import style
from matplotlib.ticker import ScalarFormatter

from churn_core.reports.drawing import INK, LEAVERS, STAYERS, STYLE, canvas, inline_svg, plain_or_thousands

if TYPE_CHECKING:
    import numpy.typing as npt
    from markupsafe import Markup
    from matplotlib.axes import Axes

    from churn_core.models.evaluation.threshold import Decision
    from churn_core.reports.measures import CalibrationBin, Gains
    from churn_core.reports.shapes import ValueEffect

    Labels = npt.NDArray[np.int64]
    Probabilities = npt.NDArray[np.float64]

_HISTOGRAM_BINS: Final = 25
_GAINS_POINTS: Final = 201
"""Points of the gains curve: a fixed number keeps the page small for any number of held-out rows."""


def plot_calibration(bins: list[CalibrationBin]) -> Markup:
    """Plot the share of leavers against the mean score, one point a bin."""
    scores = [b.mean_score for b in bins]
    rates = [b.churn_rate for b in bins]
    errors = [[b.churn_rate - b.low for b in bins], [b.high - b.churn_rate for b in bins]]
    limit = min(1.0, 1.05 * max(*scores, *(b.high for b in bins)))
    with style.context(["default", STYLE]):
        figure, axes = canvas("mean score of the bin", "share who left")
        axes.plot([0, limit], [0, limit], color=INK, linestyle=":", linewidth=1.2, label="perfect")
        axes.errorbar(
            scores,
            rates,
            yerr=np.maximum(errors, 0),
            color=LEAVERS,
            marker="o",
            capsize=3,
            label="this model",
        )
        axes.set_xlim(0, limit)
        axes.set_ylim(0, limit)
        axes.legend(loc="upper left")
        return inline_svg(
            figure,
            "calibration",
            f"Calibration curve of {len(bins)} bins. Mean score and share who left, lowest bin"
            f" {scores[0]:.1%} and {rates[0]:.1%}, highest bin {scores[-1]:.1%} and {rates[-1]:.1%}.",
        )


def plot_gains(gains: Gains, churn_rate: float) -> Markup:
    """Plot the share of leavers reached against the share of customers contacted, highest scores first."""
    shares = np.linspace(0, 1, _GAINS_POINTS)
    with style.context(["default", STYLE]):
        figure, axes = canvas("share of customers contacted", "share of leavers reached")
        axes.plot(
            [0, churn_rate, 1], [0, 1, 1], color=STAYERS, linestyle="--", linewidth=1.2, label="perfect"
        )
        axes.plot(shares, gains.reached_by(shares), color=LEAVERS, label="this model")
        axes.plot([0, 1], [0, 1], color=INK, linestyle=":", linewidth=1.2, label="at random")
        axes.plot(*gains.at_threshold, color=INK, marker="D", linestyle="", label="at the threshold")
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1.02)
        axes.legend(loc="lower right")
        return inline_svg(
            figure,
            "gains",
            "Cumulative gains curve. Contacting the highest-scored 20% of the customers reaches"
            f" {gains.reached_by(np.array([0.2]))[0]:.1%} of the leavers; at the threshold"
            f" {gains.at_threshold[0]:.1%} are contacted and {gains.at_threshold[1]:.1%} of the leavers are"
            " reached.",
        )


def plot_scores(labels: Labels, probabilities: Probabilities, threshold: float) -> Markup:
    """Plot the score distributions of leavers and of stayers, each adding up to 100 %."""
    limit = min(1.0, 1.05 * max(float(probabilities.max()), threshold))
    edges = np.linspace(0, limit, _HISTOGRAM_BINS + 1)
    with style.context(["default", STYLE]):
        figure, axes = canvas("score", "share of the group")
        for label, name, colour, line in ((0, "stayed", STAYERS, "--"), (1, "left", LEAVERS, "-")):
            members = probabilities[labels == label]
            heights = np.histogram(members, edges)[0] / len(members)
            axes.stairs(heights, edges, color=colour, fill=True, alpha=0.25)
            axes.stairs(heights, edges, color=colour, linestyle=line, linewidth=1.5, label=name)
        axes.axvline(threshold, color=INK, linestyle=":", linewidth=1.5, label=f"threshold {threshold:.3g}")
        axes.set_xlim(0, limit)
        axes.set_ylim(bottom=0)
        axes.legend(loc="upper right")
        medians = [float(np.median(probabilities[labels == label])) for label in (1, 0)]
        return inline_svg(
            figure,
            "scores",
            f"Distribution of the scores. Half of those who left score above {medians[0]:.3f}, half of those"
            f" who stayed above {medians[1]:.3f}; the threshold is {threshold:.3f}.",
        )


def plot_effect(effects: list[ValueEffect], key: str) -> Markup:
    """Plot a number feature's contribution against its values, with the range of most customers.

    Parameters
    ----------
    effects : list of ValueEffect
        One per interval of the number, in rising order.
    key : str
        Prefix of the ids inside this plot; unique on the page.
    """
    positions, means = [e.position for e in effects], [e.mean for e in effects]
    described = (
        f"Contribution to the log-odds by value, from {means[0]:+.2f} at {positions[0]:.4g} to"
        f" {means[-1]:+.2f} at {positions[-1]:.4g}; lowest {min(means):+.2f}, highest {max(means):+.2f}."
    )
    with style.context(["default", STYLE]):
        figure, axes = canvas("value", "contribution, log-odds")
        axes.set_position((0.17, 0.14, 0.77, 0.83))
        axes.xaxis.set_major_formatter(plain_or_thousands(positions))
        axes.yaxis.set_major_formatter(ScalarFormatter())
        axes.axhline(0, color=INK, linewidth=0.8)
        if all(e.single for e in effects):
            _draw_bars(axes, effects)
            return inline_svg(figure, key, described)
        axes.fill_between(
            positions,
            [e.low for e in effects],
            [e.high for e in effects],
            color=STAYERS,
            alpha=0.2,
            linewidth=0,
        )
        axes.plot(positions, means, color=LEAVERS, marker="o", markersize=3)
        return inline_svg(figure, key, described)


def _draw_bars(axes: Axes, effects: list[ValueEffect]) -> None:
    """Draw one bar for each value, with the range of most customers."""
    places = range(len(effects))
    means = [e.mean for e in effects]
    spread = [[max(0.0, e.mean - e.low) for e in effects], [max(0.0, e.high - e.mean) for e in effects]]
    colours = [LEAVERS if mean > 0 else STAYERS for mean in means]
    axes.bar(places, means, color=colours, alpha=0.7, width=0.7)
    axes.errorbar(places, means, yerr=spread, color=INK, fmt="none", capsize=2, linewidth=0.8)
    axes.set_xticks(list(places), [e.label for e in effects])


def plot_decision(decision: Decision) -> Markup:
    """Plot profit, or F1 without money values, against the share of customers contacted."""
    name, label = (
        ("f1", "F1") if decision.money is None else ("profit_per_1000", "profit per 1,000 customers")
    )
    shares = np.array([point["contacted_per_1000"] / 1000 for point in decision.curve])
    values = np.array([point[name] for point in decision.curve])
    thresholds = np.array([point["threshold"] for point in decision.curve])
    best = decision.observed_best
    # Thresholds fall along the curve; `np.interp` needs an increasing grid, hence the minus signs.
    band = np.interp([-best.high, -best.low], -thresholds, shares)
    chosen, share = decision.expected[name], decision.expected["contacted_per_1000"]["mean"] / 1000
    spread = np.maximum([[chosen["mean"] - chosen["low"]], [chosen["high"] - chosen["mean"]]], 0)
    described = (
        f"The {label} by share of customers contacted, highest scores first. Chosen: {share:.1%} are"
        f" contacted, {chosen['mean']:,.6g}, interval {chosen['low']:,.6g} to {chosen['high']:,.6g};"
        f" everybody contacted: {values[-1]:,.6g}."
    )
    with style.context(["default", STYLE]):
        figure, axes = canvas("share of customers contacted", label)
        # Wider left margin: amounts have a sign and a unit letter.
        axes.set_position((0.17, 0.14, 0.77, 0.83))
        axes.yaxis.set_major_formatter(plain_or_thousands(values))
        axes.axvspan(*band, color=STAYERS, alpha=0.2, linewidth=0, label="95% of bootstrap samples")
        axes.plot(shares, values, color=LEAVERS, label="out of fold")
        axes.axhline(0, color=INK, linewidth=0.8)
        axes.errorbar([share], [chosen["mean"]], yerr=spread, color=INK, capsize=3, fmt="D", label="chosen")
        axes.set_xlim(0, 1)
        axes.legend(loc="best")
        return inline_svg(figure, "decision", described)

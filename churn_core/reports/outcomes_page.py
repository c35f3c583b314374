"""The page of ``churn outcomes``: one HTML file without a script, a second file or access to the network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from matplotlib import style
from matplotlib.ticker import ScalarFormatter

from churn_core.reports.drawing import INK, LEAVERS, STYLE, canvas, inline_svg
from churn_core.reports.report import TEMPLATES

if TYPE_CHECKING:
    from markupsafe import Markup

    from churn_core.outcomes.report import OutcomesReport

_LONGEST_AXIS = 12
"""Ticks on the axis of months; between them, months are drawn and not named."""


def render_outcomes(report: OutcomesReport, model_version: str) -> str:
    """Write the page.

    Parameters
    ----------
    report : OutcomesReport
    model_version : str
        Of the model whose promise stands beside what came true.

    Returns
    -------
    str
        The same for the same figures, whenever it is written.
    """
    dated = {month: measured for month, measured in report.months.items() if month != "all"}
    return TEMPLATES.get_template("outcomes.html.j2").render(
        report=report, version=model_version, plots=_plots(dated, report) if dated else []
    )


def _plots(months: dict[str, dict[str, Any]], report: OutcomesReport) -> list[tuple[Markup, str]]:
    ranked = {month: measured for month, measured in months.items() if measured["roc_auc"] is not None}
    rates = _plot(
        months,
        [measured["churn_rate"] for measured in months.values()],
        "customers who left",
        ("left, with its 95 % interval", "expected by the scores"),
        [measured["expected_churn_rate"] for measured in months.values()],
        "rate",
    )
    plots = [(rates, "Customers who left, by the month of the score. The dotted line is the mean score.")]
    if ranked:
        promised = report.promised["roc_auc"]["mean"]
        areas = _plot(
            ranked,
            [measured["roc_auc"] for measured in ranked.values()],
            "ROC AUC",
            ("came out, with its 95 % interval", "promised by training"),
            [promised] * len(ranked),
            "auc",
        )
        plots.append((areas, "How well the scores ranked, by the month of the score."))
    return plots


def _plot(
    months: dict[str, dict[str, Any]],
    found: list[dict[str, float]],
    axis: str,
    words: tuple[str, str],
    expected: list[float],
    name: str,
) -> Markup:
    places = list(range(len(months)))
    with style.context(["default", STYLE]):
        figure, axes = canvas("month of the score", axis)
        values = [estimate["value"] for estimate in found]
        below = [estimate["value"] - estimate["low"] for estimate in found]
        above = [estimate["high"] - estimate["value"] for estimate in found]
        axes.errorbar(places, values, yerr=[below, above], fmt="o", capsize=3, color=LEAVERS, label=words[0])
        axes.plot(places, expected, linestyle=":", marker=".", color=INK, label=words[1])
        step = -(-len(places) // _LONGEST_AXIS)
        axes.set_xticks(places[::step], list(months)[::step], rotation=30, ha="right")
        axes.set_xlim(-0.5, len(places) - 0.5)
        if name == "auc":
            axes.yaxis.set_major_formatter(ScalarFormatter())
        # Above the drawing, where it hides no interval.
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0))
        axes.set_position((0.19, 0.24, 0.77, 0.58))
        spoken = ", ".join(f"{month} {value:.1%}" for month, value in zip(months, values, strict=True))
        return inline_svg(figure, name, f"{axis} by month: {spoken}.")

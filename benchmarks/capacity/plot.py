"""The simulation as a plot: how long, and for how much, by the parts that run at a time."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import matplotlib as mpl

from benchmarks.capacity import fan_out, others, quotas
from benchmarks.capacity.growth_tables import CPUS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.capacity.fan_out import Outcome
    from benchmarks.capacity.measured import Measured
    from benchmarks.capacity.others import Alternative

PLOT: Final = Path(__file__).with_name("capacity.svg")

_COLOURS: Final = {10**8: "#5dade2", 10**9: "#2471a3", 10**10: "#154360"}
_NAMES: Final = {10**8: "100 million\nrows", 10**9: "1 billion\nrows", 10**10: "10 billion\nrows"}
_MARKERS: Final = {"EMR Serverless, Spark": ("^", -11), "SageMaker Batch Transform": ("s", 5)}
"""Of each other way: its marker, and by how much its name lies above it."""
_QUIET: Final = "#777777"


def write_plot(measured: Measured, path: Path = PLOT) -> None:
    """Write the plot; the same figures give the same bytes.

    Parameters
    ----------
    measured : Measured
    path : Path
        Its ending is the format.
    """
    mpl.use("agg")
    import matplotlib.pyplot as plt

    # Ids and date would differ from run to run.
    style: Any = {
        "svg.hashsalt": "churn",
        "font.size": 9,
        "axes.spines.top": False,
        "axes.spines.right": False,
    }
    found = {rows: fan_out.outcomes(measured, rows) for rows in fan_out.ROWS}
    elsewhere = [
        other(measured, rows, min(CPUS, found[rows][0].parts))
        for rows in fan_out.ROWS
        for other in (others.spark, others.batch_transform)
    ]
    with mpl.rc_context(style):
        figure, (left, right) = plt.subplots(1, 2, figsize=(10.5, 4.6), layout="constrained")
        _draw(left, found, elsewhere, lambda one: one.seconds)
        for rows, outcomes in found.items():
            shown = _until_flat(outcomes)
            left.plot(
                [one.concurrency for one in shown],
                [one.ideal_seconds for one in shown],
                color=_COLOURS[rows],
                linewidth=0.9,
                linestyle=(0, (2, 2)),
            )
        left.annotate(
            "dashed: equal parts,\nno faults, no limits",
            (shown[-1].concurrency, shown[-1].ideal_seconds),
            xytext=(4, 4),
            textcoords="offset points",
            color=_QUIET,
            fontsize=7.5,
        )
        left.set_ylabel("time until the last part is scored")
        left.set_yticks([10, 60, 600, 3_600], ["10 s", "1 min", "10 min", "1 h"])
        left.set_ylim(4, 5_000)
        _draw(right, found, elsewhere, lambda one: one.dollars)
        right.set_ylabel("dollars")
        right.set_yticks([0.01, 0.1, 1, 10], ["$0.01", "$0.10", "$1", "$10"])
        right.set_ylim(0.005, 12)
        figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None, dpi=110)
        plt.close(figure)


def _until_flat(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Leave out what comes after all parts run at once: more does nothing."""
    return [one for one in outcomes if one.concurrency <= one.parts]


def _draw(
    axes: Any,
    found: dict[int, list[Outcome]],
    elsewhere: Sequence[Alternative],
    value: Callable[[Outcome | Alternative], float],
) -> None:
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.minorticks_off()
    axes.set_xlabel("parts at a time (one vCPU each)")
    axes.set_xticks([10, 100, 1_000, 10_000], ["10", "100", "1,000", "10,000"])
    axes.set_xlim(1.4, 60_000)
    axes.grid(axis="y", color="#eeeeee")
    axes.set_axisbelow(True)
    axes.axvline(quotas.ACCOUNT_CONCURRENCY.value, color=_QUIET, linewidth=0.8, linestyle=":")
    axes.annotate(
        "an account's default",
        (quotas.ACCOUNT_CONCURRENCY.value, 0.01),
        xycoords=("data", "axes fraction"),
        xytext=(3, 2),
        textcoords="offset points",
        color=_QUIET,
        fontsize=7.5,
    )
    for rows, outcomes in found.items():
        shown = _until_flat(outcomes)
        axes.plot(
            [one.concurrency for one in shown],
            [value(one) for one in shown],
            color=_COLOURS[rows],
            linewidth=2,
        )
        axes.annotate(
            _NAMES[rows],
            (shown[0].concurrency, value(shown[0])),
            xytext=(-5, 0),
            textcoords="offset points",
            horizontalalignment="right",
            verticalalignment="center",
            color=_COLOURS[rows],
            fontweight="bold",
            fontsize=8,
        )
    for name, (marker, above) in _MARKERS.items():
        points = [one for one in elsewhere if one.name == name]
        for one in points:
            axes.plot(one.cpus, value(one), marker=marker, markersize=5.5, color=_COLOURS[one.rows])
        axes.annotate(
            name,
            (points[-1].cpus, value(points[-1])),
            xytext=(7, above),
            textcoords="offset points",
            color=_COLOURS[points[-1].rows],
            fontsize=8,
        )

"""Write models.md from what was measured."""

from __future__ import annotations

from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final

import numpy as np

from benchmarks.measuring import markdown_table
from benchmarks.models.contenders import AUTO, PEERS, PRODUCT
from churn_core.models.evaluation.metrics import corrected_error

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.models.measure import FoldResult, Measurements

PAGE: Final = Path(__file__).parent.parent / "models.md"
REFERENCE: Final = "CatBoost"
AUC_MARGIN: Final = 0.002
LOSS_MARGIN: Final = 0.003
FAMILIES: Final = tuple(f"churn: {family}" for family in PRODUCT)

_HEAD: Final = """\
# The models compared with others

Written by `make bench-models`: same tables, same folds, one thread for each fit. Every contender has its own
defaults, and gets the columns in the configuration that `churn init` wrote. A difference is the mean over the
folds, with its standard error corrected for overlapping training sets (Nadeau, Bengio 2003); tables with one
split have none. `auto` chooses its family, and `additive` its pairs, within each training fold.
"""

_SUMMARY: Final = f"""\
## Beside CatBoost's defaults

AUC: difference of the ROC AUC, higher is better. Loss: difference of the log loss, lower is better. The
verdict is about `auto`. Within: at most {AUC_MARGIN} AUC and {LOSS_MARGIN} log loss behind. Not told apart:
further behind, by less than twice the standard error.
"""

_LIMIT: Final = """\
In `no_trace` no column and no pair shows any effect: only three columns together do. Boosting finds such an
effect late, since no first split gains anything.
"""


class _Results:
    """The fold results of one table, by contender."""

    def __init__(self, folds: list[FoldResult]) -> None:
        self.by_contender: dict[str, list[FoldResult]] = {}
        for result in sorted(folds, key=lambda result: result.fold):
            self.by_contender.setdefault(result.contender, []).append(result)

    def values(self, contender: str, quantity: str) -> list[float]:
        return [getattr(result, quantity) for result in self.by_contender[contender]]

    def difference(self, contender: str, quantity: str) -> tuple[float, float]:
        """Return the mean difference from the reference and its error (NaN with one split)."""
        pairs = zip(self.values(contender, quantity), self.values(REFERENCE, quantity), strict=True)
        found = np.array([own - other for own, other in pairs])
        return float(found.mean()), corrected_error(found, 1 / 4) if len(found) > 1 else float("nan")


def write_page(measurements: Measurements, path: Path = PAGE) -> None:
    """Write the page."""
    results = {
        name: _Results([result for result in measurements.folds if result.table == name])
        for name in measurements.tables
    }
    compared = {
        name: found
        for name, found in results.items()
        if AUTO in found.by_contender and REFERENCE in found.by_contender
    }
    parts = [_HEAD, _SUMMARY, _summary(measurements, compared), "", _LIMIT]
    parts += ["## Exported models", "", _graphs(measurements), ""]
    for name, found in results.items():
        parts += [_heading(measurements, name), "", _table(found), ""]
    path.write_text("\n".join(parts).rstrip() + "\n")


def _summary(measurements: Measurements, compared: dict[str, _Results]) -> str:
    head = ["table", "`auto` took"]
    head += [f"{name}, {kind}" for name in ("auto", "boosting", "additive") for kind in ("AUC", "loss")]
    rows = []
    for name, found in compared.items():
        taken = [result.note for result in found.by_contender[AUTO]]
        notes = ", ".join(f"{kind} {taken.count(kind)}" for kind in PRODUCT if kind in taken)
        cells = [
            _signed(*found.difference(contender, quantity))
            for contender in (AUTO, "churn: boosting", "churn: additive")
            for quantity in ("roc_auc", "log_loss")
        ]
        rows.append([name, notes, *cells, _verdict(found)])
    return markdown_table([*head, "verdict"], rows)


def _verdict(found: _Results) -> str:
    area, area_error = found.difference(AUTO, "roc_auc")
    loss, loss_error = found.difference(AUTO, "log_loss")
    if area >= 0 and loss <= 0:
        return "ahead"
    if area >= -AUC_MARGIN and loss <= LOSS_MARGIN:
        return "within"
    apart = -area > max(AUC_MARGIN, 2 * area_error) or loss > max(LOSS_MARGIN, 2 * loss_error)
    return "behind" if apart else "not told apart"


def _signed(value: float, error: float) -> str:
    return f"{value:+.4f}" if np.isnan(error) else f"{value:+.4f} ± {error:.4f}"


def _heading(measurements: Measurements, name: str) -> str:
    about = measurements.tables[name]
    return (
        f"## {name}\n\n{about['what']}: {about['rows']:,} rows, {about['columns']} columns, "
        f"{about['leave']:.1%} leave."
    )


def _table(found: _Results) -> str:
    head = ["model", "ROC AUC", "log loss", "calibration error", "fit, s", "1,000 rows, ms"]
    quantities: list[tuple[str, Callable[[list[float]], float], str]] = [
        ("roc_auc", _mean, ".4f"),
        ("log_loss", _mean, ".4f"),
        ("ece", _mean, ".4f"),
        ("fit_seconds", median, ".2f"),
    ]
    rows = []
    for contender in (AUTO, *FAMILIES, *PEERS):
        if contender not in found.by_contender:
            continue
        cells = [format(pick(found.values(contender, name)), form) for name, pick, form in quantities]
        milliseconds = 1_000 * median(found.values(contender, "score_seconds"))
        rows.append([contender, *cells, f"{milliseconds:.1f}"])
    return markdown_table(head, rows)


def _graphs(measurements: Measurements) -> str:
    head = ["table", "family", "rows compared", "largest difference", "decisions changed", "1,000 rows, ms"]
    rows = [
        [
            result.table,
            result.family,
            f"{result.rows:,}",
            f"{result.largest_difference:.1e}",
            f"{result.changed}",
            f"{1_000 * result.score_seconds:.2f}",
        ]
        for result in measurements.graphs
    ]
    text = (
        "The parity gate on the whole table: the largest difference between the exported graphs and\n"
        "scikit-learn. The time is that of the scoring graph with its contributions, on one thread; further\n"
        "below are the times of each library's own `predict_proba`. All times are processor time.\n"
    )
    return text + "\n" + markdown_table(head, rows)


def _mean(values: list[float]) -> float:
    return float(np.mean(values))

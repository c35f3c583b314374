"""Recognise the table that a model was trained on, by the counts that drift is measured with."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from churn_core.scoring.bundle import Bundle
    from churn_core.scoring.drift.counter import DriftCounts

    Counts = npt.NDArray[np.int64]


def training_table(counts: DriftCounts) -> dict[str, Any]:
    """Return the manifest's ``training_table``: the rows of the whole table, and the digest of its counts.

    Parameters
    ----------
    counts : DriftCounts
        Of all rows of the table, the holdout included.
    """
    return {"rows": counts.rows, "counts": _digest(counts.columns)}


def is_training_table(bundle: Bundle, counts: DriftCounts | None) -> bool:
    """Return whether counted rows are those of the training table, in any order.

    Two tables with equal numbers of rows in every interval of every column are taken for one.
    """
    known: dict[str, Any] | None = bundle.manifest.get("training_table")
    if known is None or counts is None or counts.rows != known["rows"]:
        return False
    return bool(_digest(counts.columns) == known["counts"])


def _digest(columns: Sequence[Counts]) -> str:
    digest = hashlib.sha256()
    for counts in columns:
        digest.update(np.asarray(counts, dtype="<i8").tobytes())
    return digest.hexdigest()

"""Reasons as sentences for a batch of scored rows; each distinct sentence is written once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import arro3.core as arrow
import numpy as np

from churn_core.scoring.reason_words import CLEARLY_FROM, STRONGLY_FROM
from churn_core.scoring.reasons import TOP_REASONS, find_keeping

if TYPE_CHECKING:
    import numpy.typing as npt

    from churn_core.scoring.reason_words import ReasonText
    from churn_core.scoring.reasons import RankedReasons

TEXT_COLUMNS: Final = (*(f"reason_{place}_text" for place in range(1, TOP_REASONS + 1)), "keeps_1")
"""The columns that a scored file gets for them."""

_LIMITS: Final = (CLEARLY_FROM, STRONGLY_FROM)
_SIGN_BITS: Final = 3
"""Bits of a sentence's key for its strength and its effect; the value has 32 more."""


def reason_texts(
    text: ReasonText,
    matrix: npt.NDArray[np.float32],
    contributions: npt.NDArray[np.float32],
    ranked: RankedReasons,
    accepted: npt.NDArray[np.bool_],
) -> dict[str, arrow.Array]:
    """Return the sentences of each row's reasons, and of what keeps the customer.

    Parameters
    ----------
    text : ReasonText
    matrix : ndarray of float32, shape (rows, features)
        Encoded rows.
    contributions : ndarray of float32, shape (rows, features)
        In log-odds; groups of features are merged.
    ranked : RankedReasons
        Of the contributions.
    accepted : ndarray of bool, shape (rows,)
        The scored rows; a rejected row has no reasons.

    Returns
    -------
    dict
        The columns `TEXT_COLUMNS`, text; NULL where a row has no such reason.
    """
    columns = {}
    for place in range(TOP_REASONS):
        at = min(place, ranked.positions.shape[1] - 1)
        columns[f"reason_{place + 1}_text"] = _sentences(
            text,
            matrix,
            ranked.positions[:, at],
            ranked.contributions[:, at],
            accepted & (place < ranked.counts),
        )
    positions, lowest = find_keeping(contributions)
    columns["keeps_1"] = _sentences(text, matrix, positions, lowest, accepted & (lowest < 0))
    return columns


def _sentences(
    text: ReasonText,
    matrix: npt.NDArray[np.float32],
    positions: npt.NDArray[np.int64],
    contributions: npt.NDArray[np.float64],
    written: npt.NDArray[np.bool_],
) -> arrow.Array:
    """Write one sentence for each row of `written`: a key stands for feature, value, strength and effect."""
    rows = np.flatnonzero(written)
    codes = matrix[rows, positions[rows]]
    # Negative zero and zero are one value in text, and so are all NaNs.
    plain = np.where(np.isnan(codes), np.float32(np.nan), codes + np.float32(0))
    bits = plain.view(np.uint32).astype(np.int64)
    found = contributions[rows]
    size = np.searchsorted(_LIMITS, np.abs(found), side="right")
    keys = ((positions[rows] << 32 | bits) << _SIGN_BITS) | (size << 1) | (found > 0)
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    sentences = np.array(
        [
            text.sentence(position, code, contribution)
            for position, code, contribution in zip(
                positions[rows][first].tolist(), codes[first].tolist(), found[first].tolist(), strict=True
            )
        ],
        dtype=object,
    )
    column = np.full(len(written), None, dtype=object)
    column[rows] = sentences[inverse] if len(rows) else None
    return arrow.Array(column.tolist(), type=arrow.DataType.utf8())

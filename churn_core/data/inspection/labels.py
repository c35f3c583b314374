"""The target: which of its two labels is that of the customers who left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import pandas as pd

from churn_core.data.columns import FINE, MISSING, label_form, parse_target_column
from churn_core.errors import DataError

if TYPE_CHECKING:
    import numpy.typing as npt

_LEFT: Final = frozenset(
    {"yes", "y", "true", "t", "1", "churn", "churned", "churner", "left", "leaver", "leave", "gone", "lost"}
    | {
        "exited",
        "cancelled",
        "canceled",
        "closed",
        "terminated",
        "attrited",
        "attrited customer",
        "attrition",
    }
    | {"inactive", "positive", "ja", "oui", "si", "sí", "sim"}
)
_STAYED: Final = frozenset(
    {"no", "n", "false", "f", "0", "stay", "stayed", "stayer", "active", "existing", "existing customer"}
    | {"retained", "current", "loyal", "open", "not churned", "no churn", "non-churn", "negative", "nein"}
    | {"non", "não"}
)


@dataclass(frozen=True, slots=True)
class Target:
    """The labels of a table.

    Attributes
    ----------
    column : str
    positive, negative : str
        As config.yaml names them.
    labels : ndarray of int64, shape (rows,)
        1 left, 0 stayed, -1 without a label.
    chosen_by : 'option', 'word' or 'rarity'
        How the positive label was found.
    """

    column: str
    positive: str
    negative: str
    labels: npt.NDArray[np.int64]
    chosen_by: Literal["option", "word", "rarity"]

    @property
    def share(self) -> float:
        """Share of the labelled rows that left."""
        return float((self.labels == 1).sum() / (self.labels >= 0).sum())


def read_target(series: pd.Series[Any], name: str, positive: str | None) -> Target:
    """Find a target's labels.

    Parameters
    ----------
    series : Series
        Text, whole numbers or booleans; NULL and blank text are missing.
    name : str
    positive : str, optional
        The label of those who left, as a user wrote it.

    Raises
    ------
    DataError
        If there are not just two labels, or `positive` is none of them.
    """
    parsed = parse_target_column(series, name)
    codes, values = pd.factorize(parsed.text)
    labels = [str(value) for value in values]
    no_labels = ~np.isin(parsed.faults, (FINE, MISSING))
    if len(labels) != 2 or no_labels.any():
        held = "values that are no labels" if no_labels.any() else f"{len(labels):,} different labels"
        raise DataError(
            f"Column {name!r} holds {held}, and a churn model needs two labels; write a"
            " column with one label for those who left and one for all others, and name it with --target."
        )
    counts = np.bincount(codes[codes >= 0], minlength=2)
    left, chosen_by = _positive(labels, counts.tolist(), name, positive)
    return Target(
        name,
        labels[left],
        labels[1 - left],
        np.where(codes < 0, -1, codes == left).astype(np.int64),
        chosen_by,
    )


def _positive(
    labels: list[str], counts: list[int], name: str, asked: str | None
) -> tuple[int, Literal["option", "word", "rarity"]]:
    bare = [_bare(label) for label in labels]
    if asked is not None:
        exact = [position for position, label in enumerate(labels) if label == label_form(asked)]
        alike = exact or [position for position, label in enumerate(bare) if label == _bare(asked)]
        if len(alike) != 1:
            raise DataError(f"--positive {asked!r} is none of the two labels of column {name!r}; name one.")
        return alike[0], "option"
    for words, shift in ((_LEFT, 0), (_STAYED, 1)):
        known = [position for position, label in enumerate(bare) if label in words]
        if len(known) == 1:
            return (known[0] + shift) % 2, "word"
    return int(counts[1] < counts[0]), "rarity"


def _bare(label: str) -> str:
    return label_form(label).strip().strip(".").casefold()

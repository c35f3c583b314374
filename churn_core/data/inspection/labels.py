"""The target column, and which of its two labels means that the customer left."""

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
    """The target column of a table, read.

    Attributes
    ----------
    column : str
    positive, negative : str
        The labels of customers who left and of those who stayed, as in config.yaml.
    labels : ndarray of int64, shape (rows,)
        1 for left, 0 for stayed, -1 for no label.
    chosen_by : 'option', 'word' or 'rarity'
        What decided the positive label: ``--positive``, a known word, or the rarer label.
    """

    column: str
    positive: str
    negative: str
    labels: npt.NDArray[np.int64]
    chosen_by: Literal["option", "word", "rarity"]

    @property
    def share(self) -> float:
        """Share of the labelled rows with the positive label."""
        return float((self.labels == 1).sum() / (self.labels >= 0).sum())


def read_target(series: pd.Series[Any], name: str, positive: str | None) -> Target:
    """Read the target column and find its positive label.

    Parameters
    ----------
    series : Series
        Text, whole numbers or booleans. NULL and blank text are missing labels.
    name : str
    positive : str, optional
        The label of customers who left, as the user wrote it.

    Raises
    ------
    DataError
        If there are not exactly two labels, or `positive` is neither of them.
    """
    parsed = parse_target_column(series, name)
    codes, values = pd.factorize(parsed.text)
    labels = [str(value) for value in values]
    invalid = ~np.isin(parsed.faults, (FINE, MISSING))
    if len(labels) != 2 or invalid.any():
        held = "values that can't be labels" if invalid.any() else f"{len(labels):,} different labels"
        raise DataError(
            f"Column {name!r} holds {held}, but a churn model needs exactly two; name with --target a column"
            " that has one label for customers who left and one for all others."
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
    bare = [_normalise(label) for label in labels]
    if asked is not None:
        exact = [position for position, label in enumerate(labels) if label == label_form(asked)]
        alike = exact or [position for position, label in enumerate(bare) if label == _normalise(asked)]
        if len(alike) != 1:
            raise DataError(
                f"--positive {asked!r} is not one of the two labels of column {name!r}; name one."
            )
        return alike[0], "option"
    for words, shift in ((_LEFT, 0), (_STAYED, 1)):
        known = [position for position, label in enumerate(bare) if label in words]
        if len(known) == 1:
            return (known[0] + shift) % 2, "word"
    return int(counts[1] < counts[0]), "rarity"


def _normalise(label: str) -> str:
    return label_form(label).strip().strip(".").casefold()

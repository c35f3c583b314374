"""The target column, and which of its labels mean that the customer left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import pandas as pd

from churn_core.data.columns import FINE, MISSING, label_form, parse_target_column
from churn_core.data.inspection.target.label_words import answer_of, label_meaning
from churn_core.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

MOST_LABELS: Final = 20
"""A column with more labels is refused: it is no target."""

ChosenBy = Literal["option", "word", "guess", "rarity"]


@dataclass(frozen=True, slots=True)
class Target:
    """The target column of a table, read.

    Attributes
    ----------
    column : str
    positive, negative : tuple of str
        The labels of customers who left and of those who stayed, as in config.yaml.
    labels : ndarray of int64, shape (rows,)
        1 for left, 0 for stayed, -1 for no label.
    chosen_by : 'option', 'word', 'guess' or 'rarity'
        What decided the positive label: ``--positive``; known words in the labels and the column's name; a
        yes, which a name that says nothing leaves open; or that it is the rarer label.
    """

    column: str
    positive: tuple[str, ...]
    negative: tuple[str, ...]
    labels: npt.NDArray[np.int64]
    chosen_by: ChosenBy

    @property
    def share(self) -> float:
        """Share of the labelled rows with a positive label."""
        return float((self.labels == 1).sum() / (self.labels >= 0).sum())

    @property
    def doubt(self) -> str | None:
        """The rule of `churn_core.data.inspection.messages` if it is not sure which labels mean 'left'."""
        if self.chosen_by in ("guess", "rarity"):
            return "positive_guessed"
        return "most_left" if self.chosen_by == "word" and self.share > 0.5 else None


def find_excluded(
    series: pd.Series[Any], name: str, exclude: Sequence[str]
) -> tuple[tuple[str, ...], npt.NDArray[np.bool_]]:
    """Return the labels that the user sets aside, as the table spells them, and which rows have one.

    Raises
    ------
    DataError
        If no row has one of the labels.
    """
    codes, values = pd.factorize(parse_target_column(series, name).text)
    bare = [_normalise(str(value)) for value in values]
    for label in exclude:
        if _normalise(label) not in bare:
            raise DataError(
                f"--exclude-label {label!r} is not one of the labels of column {name!r}; name one."
            )
    asked = {_normalise(label) for label in exclude}
    chosen = [label in asked for label in bare]
    spelled = tuple(str(value) for value, is_chosen in zip(values, chosen, strict=True) if is_chosen)
    rows: npt.NDArray[np.bool_] = np.array([*chosen, False])[codes]
    return spelled, rows


def read_target(series: pd.Series[Any], name: str, positive: Sequence[str] = ()) -> Target:
    """Read the target column and find its positive label.

    Parameters
    ----------
    series : Series
        Text, whole numbers or booleans. NULL and blank text are missing labels.
    name : str
    positive : sequence of str
        The labels of customers who left, as the user wrote them. All other labels then mean 'stayed'.

    Raises
    ------
    DataError
        If there are fewer than two labels, or more and `positive` is empty; or if it names a label that does
        not occur, or all labels.
    """
    parsed = parse_target_column(series, name)
    codes, values = pd.factorize(parsed.text)
    labels = [str(value) for value in values]
    invalid = ~np.isin(parsed.faults, (FINE, MISSING))
    fits = 2 <= len(labels) <= (MOST_LABELS if positive else 2)
    if not fits or invalid.any():
        raise DataError(_refusal(name, len(labels), invalid=bool(invalid.any())))
    chosen_by: ChosenBy
    if positive:
        left, chosen_by = _asked_labels(labels, name, positive), "option"
    else:
        counts = np.bincount(codes[codes >= 0], minlength=2)
        position, chosen_by = _left_label(labels, counts.tolist(), name)
        left = {position}
    means = np.array([position in left for position in range(len(labels))] + [False])
    return Target(
        name,
        tuple(label for position, label in enumerate(labels) if position in left),
        tuple(label for position, label in enumerate(labels) if position not in left),
        np.where(codes < 0, -1, means[codes]).astype(np.int64),
        chosen_by,
    )


def _refusal(name: str, count: int, *, invalid: bool) -> str:
    held = "values that can't be labels" if invalid else f"{count:,} different labels"
    advice = (
        "name the labels of customers who left with --positive (all others then mean 'stayed'), set labels"
        " aside with --exclude-label, or name another column with --target"
        if 2 < count <= MOST_LABELS and not invalid
        else "name with --target a column that has one label for customers who left and one for all others"
    )
    return f"Column {name!r} holds {held}, but a churn model needs exactly two; {advice}."


def _asked_labels(labels: list[str], name: str, asked: Sequence[str]) -> set[int]:
    bare = [_normalise(label) for label in labels]
    found = set()
    for one in asked:
        exact = [position for position, label in enumerate(labels) if label == label_form(one)]
        alike = exact or [position for position, label in enumerate(bare) if label == _normalise(one)]
        if len(alike) != 1:
            raise DataError(f"--positive {one!r} is not one of the labels of column {name!r}; name one.")
        found.add(alike[0])
    if len(found) == len(labels):
        raise DataError(f"--positive names every label of column {name!r}; leave out those who stayed.")
    return found


def _left_label(labels: list[str], counts: list[int], name: str) -> tuple[int, ChosenBy]:
    """Judge the labels and the column's name together."""
    answers = [answer_of(label) for label in labels]
    first, second = (label_meaning(label, name) for label in labels)
    # Of "1" and "2", neither is clear: 2 may be a no.
    half_an_answer = (first is None and answers[1] is not None) or (second is None and answers[0] is not None)
    if first != second and not half_an_answer:
        return int(first == "stayed" or second == "left"), "word"
    if first is None and set(answers) == {"yes", "no"}:
        return answers.index("yes"), "guess"
    return int(counts[1] < counts[0]), "rarity"


def _normalise(label: str) -> str:
    return label_form(label).strip().strip(".").casefold()

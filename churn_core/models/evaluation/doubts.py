"""Doubts about a model's quality: too few leavers, no better than chance, or too good to be true."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from churn_core.data.inspection.traps.areas import area_interval
from churn_core.data.inspection.traps.few_leavers import few_leavers_message

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    import numpy.typing as npt

    Labels = npt.NDArray[np.int64]

TOO_GOOD_AREA: Final = 0.98
"""Models of churn do not reach this out-of-fold area under the ROC curve without a leak."""

CHANCE_AREA: Final = 0.5


@dataclass(frozen=True, slots=True)
class Doubt:
    """A reason not to trust a model.

    Attributes
    ----------
    rule : 'few_leavers', 'no_better_than_chance' or 'too_good'
    message : str
        What is wrong and what to do, as a sentence without its end.
    """

    rule: str
    message: str

    def __str__(self) -> str:
        """Return the doubt as one sentence."""
        return f"Warning: {self.message} ({self.rule})."

    def to_dict(self) -> dict[str, Any]:
        """Return the doubt as plain JSON types."""
        return asdict(self)


def doubt_training(area: Mapping[str, float], labels: Labels) -> list[Doubt]:
    """Return the doubts about a trained model.

    Parameters
    ----------
    area : mapping
        Its out-of-fold area under the ROC curve: ``mean``, ``low`` and ``high`` (95 %).
    labels : ndarray of int64, shape (rows,)
        Of the training rows and the holdout.
    """
    found = _doubt_counts(labels)
    if area["low"] <= CHANCE_AREA:
        found.append(_chance("out-of-fold", area["low"], area["high"]))
    if area["mean"] >= TOO_GOOD_AREA:
        found.append(
            Doubt(
                "too_good",
                f"the out-of-fold area under the ROC curve is {area['mean']:.3f}, and {TOO_GOOD_AREA:g} or"
                " more is too good to be true for churn: a column probably gives the target away; run churn"
                " init, and check when the strongest columns of the report are filled in",
            )
        )
    return found


def doubt_evaluation(area: float, labels: Labels) -> list[Doubt]:
    """Return the doubts about a model that is measured on other customers.

    Parameters
    ----------
    area : float
        The area under the ROC curve.
    labels : ndarray of int64, shape (rows,)
        1 for a customer who left, 0 for one who stayed.
    """
    positive = int(labels.sum())
    low, high = area_interval(area, positive, len(labels) - positive)
    found = _doubt_counts(labels)
    return [*found, _chance("here", low, high)] if low <= CHANCE_AREA else found


def is_chance(doubts: Sequence[Doubt]) -> bool:
    """Return whether the model is no better than chance."""
    return any(doubt.rule == "no_better_than_chance" for doubt in doubts)


def _doubt_counts(labels: Labels) -> list[Doubt]:
    message = few_leavers_message(int(labels.sum()), int((labels == 0).sum()))
    return [] if message is None else [Doubt("few_leavers", f"the table {message}")]


def _chance(where: str, low: float, high: float) -> Doubt:
    # An interval wholly below 0.5 is no better either.
    holds = "holds 0.5" if high >= CHANCE_AREA else "lies below 0.5"
    return Doubt(
        "no_better_than_chance",
        f"the model is no better than chance: the 95 % interval of its area under the ROC curve {where},"
        f" [{low:.3f}, {high:.3f}], {holds}; do not act on its scores, and add columns that describe the"
        " customers, or more customers",
    )

"""What contacting a customer is worth."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

NOBODY: Final = 1.000001
"""A threshold above every score: nobody is contacted."""

_STEPS: Final = 1e6
"""Amounts and scores are both rounded to millionths."""

_WHOLE_FROM: Final = 100


@dataclass(frozen=True, slots=True)
class Money:
    """The economics of an offer that is made to keep customers.

    Contacting a customer who would leave with probability p is expected to earn

        p * success_rate * value_of_customer - cost_of_offer

    more than leaving that customer alone, which earns 0. This is the gain of Neslin et al. (2006,
    "Defection Detection", Journal of Marketing Research 43) on which the maximum profit criterion of
    Verbeke et al. (2012, "New insights into churn prediction in the telecommunication sector", European
    Journal of Operational Research 218) builds, with contact and incentive in one cost that is paid for
    whoever is contacted. It assumes that

    - value, cost and success rate are the same for every customer, and stay as they are however many
      are contacted;
    - an offer changes nothing for those who would have stayed: it neither wakes them nor keeps them;
    - the value counts what a kept customer brings over the time that the training labels look ahead to
      and after, less what a success costs beyond the offer itself (a discount that is only then given).

    Parameters
    ----------
    value_of_customer : float
        What a kept customer is worth, above 0.
    cost_of_offer : float
        What contacting one costs, successful or not; at least 0.
    success_rate : float
        Share of would-be leavers whom the offer keeps, in (0, 1].
    """

    value_of_customer: float
    cost_of_offer: float
    success_rate: float

    def __post_init__(self) -> None:
        if not (
            0 < self.value_of_customer < math.inf
            and 0 <= self.cost_of_offer < math.inf
            and 0 < self.success_rate <= 1
            and self.success_rate * self.value_of_customer > 0
        ):
            raise ValueError("value and success rate must be above 0, the cost at least 0")

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> Money:
        """Read the values as a manifest has them.

        Raises
        ------
        KeyError, TypeError, ValueError
            If one is missing, no number, or out of range.
        """
        return cls(*(float(content[key]) for key in ("value_of_customer", "cost_of_offer", "success_rate")))

    def to_dict(self) -> dict[str, float]:
        """Return the values as a manifest has them."""
        return asdict(self)

    @property
    def break_even(self) -> float:
        """The probability from which contacting pays; above 1 where it never does.

        The best threshold for calibrated probabilities (Elkan 2001, "The Foundations of Cost-Sensitive
        Learning").
        """
        return self.cost_of_offer / (self.success_rate * self.value_of_customer)

    @property
    def break_even_threshold(self) -> float:
        """The lowest score that pays, in the six decimals that scores have; `NOBODY` where none does."""
        # A score of exactly the break-even is let through, whichever way the division rounded.
        steps = math.ceil(round(min(self.break_even, NOBODY) * _STEPS, 3))
        return float(min(steps / _STEPS, NOBODY))

    def expected_profit(self, probability: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return what contacting each customer is expected to earn.

        Parameters
        ----------
        probability : ndarray of float64
            Of leaving, rounded as scores are.

        Returns
        -------
        ndarray of float64
            Rounded to six decimals.
        """
        profit = probability * self.success_rate * self.value_of_customer - self.cost_of_offer
        # Adding 0 makes a negative zero a plain one.
        rounded: npt.NDArray[np.float64] = np.rint(profit * _STEPS) / _STEPS + 0.0
        return rounded


def format_amount(value: float) -> str:
    """Return an amount as text: whole from 100 on, with three digits below."""
    return f"{value:,.0f}" if abs(value) >= _WHOLE_FROM else f"{value:,.3g}"


@dataclass(frozen=True, slots=True)
class Flagged:
    """Customers from the threshold on, counted without an error of rounding.

    Attributes
    ----------
    customers : int
    probability_steps : int
        The sum of their probabilities in millionths: whole, so that it is the same in whatever order.
    """

    customers: int = 0
    probability_steps: int = 0

    @classmethod
    def of(cls, probability: npt.NDArray[np.float64]) -> Flagged:
        """Count rounded probabilities."""
        return cls(len(probability), int(np.rint(probability * _STEPS).sum()))

    def __add__(self, other: Flagged) -> Flagged:
        return Flagged(self.customers + other.customers, self.probability_steps + other.probability_steps)

    def expected_profit(self, money: Money) -> float:
        """Return what contacting all of them is expected to earn, to six decimals."""
        leavers = self.probability_steps / _STEPS
        earned = leavers * money.success_rate * money.value_of_customer - self.customers * money.cost_of_offer
        return round(earned, 6) + 0.0

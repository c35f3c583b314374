"""The expected profit of contacting customers."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from churn_core.scoring.scores import round_to_millionths

if TYPE_CHECKING:
    import numpy.typing as npt

NOBODY: Final = 1.000001
"""A threshold above every score: nobody is contacted."""

LOWEST: Final = 0.000001
"""The lowest threshold: everybody is contacted except customers whose score is 0."""

MILLION: Final = 1_000_000
"""Scores are whole numbers of millionths."""

_WHOLE_FROM: Final = 100


@dataclass(frozen=True, slots=True)
class Money:
    """The value, cost and success rate of an offer that is made to keep customers.

    The expected profit of contacting a customer who leaves with probability p is

        p * success_rate * value_of_customer - cost_of_offer

    A customer who is not contacted brings 0. This is the gain of Neslin et al. (2006, "Defection
    Detection", Journal of Marketing Research 43), from which the maximum profit criterion of Verbeke et al.
    (2012, "New insights into churn prediction in the telecommunication sector", European Journal of
    Operational Research 218) is derived. Contact and incentive are one cost here, paid for each contacted
    customer. The formula assumes that

    - value, cost and success rate are the same for every customer and any number of contacts;
    - the offer does not change what customers do who would have stayed anyway;
    - the value is what a kept customer brings from the period of the training labels on, less what a
      success costs beyond the offer itself (such as a discount given only then).

    Parameters
    ----------
    value_of_customer : float
        Value of a kept customer, above 0.
    cost_of_offer : float
        Cost of one contact, successful or not; at least 0.
    success_rate : float
        Share of the customers about to leave whom the offer keeps, in (0, 1].
    currency : str or None
        Shown behind amounts, such as ``EUR``.
    """

    value_of_customer: float
    cost_of_offer: float
    success_rate: float
    currency: str | None = None

    def __post_init__(self) -> None:
        if not (
            0 < self.value_of_customer < math.inf
            and 0 <= self.cost_of_offer < math.inf
            and 0 < self.success_rate <= 1
            and self.success_rate * self.value_of_customer > 0
        ):
            raise ValueError(
                "value_of_customer must be above 0, cost_of_offer at least 0,"
                " and success_rate above 0 and at most 1"
            )

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> Money:
        """Read the values from a manifest.

        Raises
        ------
        KeyError, TypeError, ValueError
            If a value is missing, not a number, or out of range.
        """
        return cls(
            value_of_customer=float(content["value_of_customer"]),
            cost_of_offer=float(content["cost_of_offer"]),
            success_rate=float(content["success_rate"]),
            currency=content.get("currency"),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the values for a manifest."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    def amount(self, value: float) -> str:
        """Return an amount as text, with the currency."""
        return format_amount(value, self.currency)

    @property
    def break_even(self) -> float:
        """The probability from which a contact pays; above 1 if it never does.

        It is the best threshold for calibrated probabilities (Elkan 2001, "The Foundations of
        Cost-Sensitive Learning").
        """
        return self.cost_of_offer / (self.success_rate * self.value_of_customer)

    @property
    def break_even_threshold(self) -> float:
        """The lowest score above 0, to six decimals, from which a contact pays; `NOBODY` if none does."""
        # The inner rounding keeps a score that equals the break-even despite errors of the division.
        steps = math.ceil(round(min(self.break_even, NOBODY) * MILLION, 3))
        return float(min(max(steps / MILLION, LOWEST), NOBODY))

    def expected_profit(
        self, probability: npt.NDArray[np.float64], contacts: int = 1
    ) -> npt.NDArray[np.float64]:
        """Return the expected profit of contacting each customer.

        Parameters
        ----------
        probability : ndarray of float64
            Rounded scores, or the sum of the scores of several customers.
        contacts : int
            How many customers each entry of `probability` stands for.

        Returns
        -------
        ndarray of float64
            Rounded to six decimals.
        """
        earned = probability * self.success_rate * self.value_of_customer
        return round_to_millionths(earned - contacts * self.cost_of_offer)


def format_amount(value: float, currency: str | None = None) -> str:
    """Return an amount as text: whole from 100 on, with three digits below, and the currency behind it."""
    number = f"{value:,.0f}" if abs(value) >= _WHOLE_FROM else f"{value:,.3g}"
    return f"{number} {currency}" if currency else number


@dataclass(frozen=True, slots=True)
class Flagged:
    """Customers at or above the threshold: how many, and the exact sum of their probabilities.

    Attributes
    ----------
    customers : int
    millionths : int
        The sum of their probabilities in millionths. Whole numbers give the same sum in any order.
    """

    customers: int = 0
    millionths: int = 0

    @classmethod
    def count(cls, probability: npt.NDArray[np.float64], threshold: float) -> Flagged:
        """Count the rounded probabilities that are at least `threshold`."""
        flagged = probability[probability >= threshold]
        return cls(len(flagged), int(np.rint(flagged * MILLION).sum()))

    def __add__(self, other: Flagged) -> Flagged:
        return Flagged(self.customers + other.customers, self.millionths + other.millionths)

    def expected_profit(self, money: Money) -> float:
        """Return the expected profit of contacting all of them, to six decimals."""
        return float(money.expected_profit(np.array(self.millionths / MILLION), self.customers))

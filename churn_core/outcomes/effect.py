"""What a campaign changed: customers who left among those contacted, and among those left alone."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, Final

from churn_core.outcomes.intervals import (
    QUANTILE,
    Estimate,
    difference_interval,
    ratio_interval,
    share_interval,
)

if TYPE_CHECKING:
    from churn_core.scoring.money import Money

_POWER: Final = NormalDist().inv_cdf(0.8)
"""The further customers suffice to show an effect of the measured size in 80 % of all campaigns."""


@dataclass(frozen=True, slots=True)
class CampaignEffect:
    """The effect of a campaign, by its control group.

    Attributes
    ----------
    contact, control : int
        Customers of each group with a known outcome.
    contact_left, control_left : int
        How many of them left.
    money : Money or None
        The values of the bundle.
    """

    contact: int
    contact_left: int
    control: int
    control_left: int
    money: Money | None = None

    @property
    def saved_share(self) -> Estimate:
        """The share of the contacted customers who stayed because of the contact."""
        return difference_interval(self.control_left, self.control, self.contact_left, self.contact)

    @property
    def saved(self) -> Estimate:
        """How many customers stayed because of the contact."""
        return Estimate(*(share * self.contact for share in self.saved_share))

    @property
    def earned(self) -> Estimate | None:
        """The value of the customers saved, less the cost of all contacts; None without money values."""
        if self.money is None:
            return None
        value, cost = self.money.value_of_customer, self.money.cost_of_offer * self.contact
        return Estimate(*(customers * value - cost for customers in self.saved))

    @property
    def success_rate(self) -> Estimate | None:
        """The share of would-be leavers whom the contact kept; None if nobody left in one of the groups."""
        ratio = ratio_interval(self.contact_left, self.contact, self.control_left, self.control)
        return None if ratio is None else Estimate(1 - ratio.value, 1 - ratio.high, 1 - ratio.low)

    @property
    def is_clear(self) -> bool:
        """Whether the interval of the effect lies above or below 0."""
        return self.saved_share.low > 0 or self.saved_share.high < 0

    @property
    def customers_needed(self) -> int | None:
        """How many more customers would show an effect of this size; None if it is clear, or not above 0."""
        difference = self.saved_share.value
        if self.is_clear or difference <= 0:
            return None
        total = self.contact + self.control
        rates = self.contact_left / self.contact, self.control_left / self.control
        variance = sum(
            rate * (1 - rate) * total / size
            for rate, size in zip(rates, (self.contact, self.control), strict=True)
        )
        return max(1, math.ceil((QUANTILE + _POWER) ** 2 * variance / difference**2) - total)

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON has them."""
        earned, success = self.earned, self.success_rate
        return {
            "contact": _group(self.contact, self.contact_left),
            "control": _group(self.control, self.control_left),
            "saved": self.saved.rounded(),
            "earned": None if earned is None else earned.rounded(),
            "success_rate": None if success is None else success.rounded(),
            "clear": self.is_clear,
            "customers_needed": self.customers_needed,
        }


def _group(customers: int, left: int) -> dict[str, Any]:
    return {"customers": customers, "left": left, "churn_rate": share_interval(left, customers).rounded()}

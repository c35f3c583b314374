"""The ``decision`` section of config.yaml: which customers to contact, and what a contact costs and earns."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import Field, field_validator, model_validator

from churn_core.column_specs import Section
from churn_core.scoring.money import Money

_RULES: Final = ("f1", "money", "share")
_MONEY_KEYS: Final = ("value_of_customer", "cost_of_offer", "success_rate")

_Amount = Annotated[float, Field(le=1e9, allow_inf_nan=False)]
"""Money in any currency. The bound keeps six decimals of it exact in a float64."""


class RiskBands(Section):
    """Probabilities from which a customer's risk is medium or high.

    `churn_core.scoring.risk_bands.risk_bands` has the defaults.
    """

    medium: Annotated[float, Field(gt=0, lt=1)] | None = None
    high: Annotated[float, Field(gt=0, lt=1)] | None = None

    @model_validator(mode="after")
    def _check_order(self) -> RiskBands:
        if self.medium is not None and self.high is not None and not self.medium < self.high:
            raise ValueError("medium must be less than high")
        return self


class DecisionSettings(Section):
    """The rule that sets the decision threshold, and the costs and benefits of a contact.

    `churn_core.scoring.money.Money` documents the formula and its assumptions. The default of ``threshold``
    is ``money`` where the three money values are given, else ``f1``.
    """

    threshold: Literal["f1", "money", "share"] | float
    value_of_customer: Annotated[_Amount, Field(gt=0)] | None = None
    cost_of_offer: Annotated[_Amount, Field(ge=0)] | None = None
    success_rate: Annotated[float, Field(gt=0, le=1)] | None = None
    currency: Annotated[str, Field(pattern=r"^[^\s\x00-\x1f\x7f]{1,8}$")] | None = None
    share: Annotated[float, Field(gt=0, lt=1)] | None = None
    risk_bands: RiskBands = RiskBands()

    @model_validator(mode="before")
    @classmethod
    def _fill_threshold(cls, content: Any) -> Any:
        if isinstance(content, dict) and content.get("threshold") is None:
            has_money = any(content.get(key) is not None for key in _MONEY_KEYS)
            return content | {"threshold": "money" if has_money else "f1"}
        return content

    @field_validator("threshold", mode="before")
    @classmethod
    def _check_threshold(cls, threshold: Any) -> Any:
        # Pydantic's own message about a union would list every member of it.
        if threshold in _RULES or (
            isinstance(threshold, int | float) and not isinstance(threshold, bool) and 0 < threshold < 1
        ):
            return threshold
        raise ValueError(f"must be {', '.join(_RULES)}, or a probability between 0 and 1")

    @model_validator(mode="after")
    def _check_needed_keys(self) -> DecisionSettings:
        missing = [key for key in _MONEY_KEYS if getattr(self, key) is None]
        if missing and (self.threshold == "money" or len(missing) < len(_MONEY_KEYS)):
            raise ValueError(f"{missing[0]} is missing; set all three of {', '.join(_MONEY_KEYS)}")
        if self.currency is not None and missing:
            raise ValueError(f"currency works only with {', '.join(_MONEY_KEYS)}; set all three")
        if self.threshold == "share" and self.share is None:
            raise ValueError("share is missing; set the share of customers to contact, such as 0.1")
        return self

    @property
    def money(self) -> Money | None:
        """What a contact costs and earns; None if the configuration has no money values."""
        if self.value_of_customer is None or self.cost_of_offer is None or self.success_rate is None:
            return None
        return Money(self.value_of_customer, self.cost_of_offer, self.success_rate, self.currency)

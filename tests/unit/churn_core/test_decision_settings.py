"""The decision section of config.yaml: its defaults, and which values are refused."""

from __future__ import annotations

from typing import Any

import pytest

from churn_core.config import load_config, parse_config
from churn_core.decision_settings import DecisionSettings
from churn_core.errors import ConfigError
from churn_core.scoring.money import Money

MONEY = {"value_of_customer": 500, "cost_of_offer": 20, "success_rate": 0.3}


def decision(**keys: Any) -> DecisionSettings:
    return parse_config(load_config().model_dump() | {"decision": keys}).decision


def test_money_decides_where_its_three_values_are_given_and_f1_elsewhere() -> None:
    assert decision().threshold == "f1"
    assert decision().money is None
    assert decision(**MONEY).threshold == "money"
    assert decision(**MONEY).money == Money(500, 20, 0.3)
    assert decision(threshold=None, **MONEY).threshold == "money"


@pytest.mark.parametrize("threshold", ["f1", "share", 0.41])
def test_another_rule_may_set_the_threshold_although_money_values_are_given(threshold: str | float) -> None:
    settings = decision(threshold=threshold, share=0.1, **MONEY)
    assert settings.threshold == threshold
    assert settings.money is not None


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"threshold": "money"}, "decision: value_of_customer is missing; set all three of"),
        ({"value_of_customer": 500, "cost_of_offer": 20}, "decision: success_rate is missing"),
        ({"threshold": "f1", "success_rate": 0.3}, "decision: value_of_customer is missing"),
        ({"threshold": "share"}, "decision: share is missing"),
        ({"threshold": "best"}, "decision.threshold: must be f1, money, share, or a probability"),
        ({"threshold": 0}, "decision.threshold: must be"),
        ({"threshold": 1}, "decision.threshold: must be"),
        ({"threshold": float("nan")}, "decision.threshold: must be"),
        ({"threshold": True}, "decision.threshold: must be"),
        ({"threshold": [0.5]}, "decision.threshold: must be"),
        ({"threshold": "share", "share": 1}, "decision.share: Input should be less than 1"),
        ({"threshold": "share", "share": 0}, "decision.share: Input should be greater than 0"),
        (MONEY | {"value_of_customer": 0}, "decision.value_of_customer: Input should be greater than 0"),
        (MONEY | {"value_of_customer": float("inf")}, "decision.value_of_customer: Input should be"),
        (MONEY | {"cost_of_offer": -1}, "decision.cost_of_offer: Input should be greater than or equal to 0"),
        (MONEY | {"cost_of_offer": 1e10}, "decision.cost_of_offer: Input should be less than"),
        (MONEY | {"success_rate": 0}, "decision.success_rate: Input should be greater than 0"),
        (MONEY | {"success_rate": 1.01}, "decision.success_rate: Input should be less than or equal to 1"),
        (MONEY | {"success_rate": "often"}, "decision.success_rate: Input should be a valid number"),
        ({"risk_bands": {"medium": 0.6, "high": 0.6}}, "risk_bands: medium must be less than high"),
        ({"risk_bands": {"medium": 0, "high": 0.6}}, "risk_bands.medium: Input should be greater than 0"),
        ({"risk_bands": {"medium": 0.3, "high": 1}}, "risk_bands.high: Input should be less than 1"),
    ],
)
def test_an_invalid_decision_is_refused_and_its_key_is_named(keys: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        decision(**keys)
    assert message in str(caught.value)


@pytest.mark.parametrize("name", ["expected_profit", "contributions", "threshold", "reasons"])
def test_an_id_can_not_have_a_name_that_results_use(name: str) -> None:
    content = load_config().model_dump()
    content["data"]["id"] = name
    with pytest.raises(ConfigError, match=f"'{name}' is also a column of scored files"):
        parse_config(content)

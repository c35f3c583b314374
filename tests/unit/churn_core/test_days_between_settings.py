"""The declaration of days between dates in the configuration."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
import yaml

from churn_core.config import parse_config
from churn_core.errors import ConfigError
from churn_core.schema import Contract, DaysBetween, NumberFeature
from churn_core.scoring.day_numbers import MOST_DAYS


def content(derived: dict[str, Any], **data: Any) -> dict[str, Any]:
    return {
        "data": {
            "id": "key",
            "target": {"column": "left", "positive": "yes", "negative": "no"},
            "features": {"age": {"kind": "number", "minimum": 0, "maximum": 9}},
            "derived": derived,
        }
        | data
    }


def days(start: str = "signup", end: Any = "snapshot", **more: Any) -> dict[str, Any]:
    return {"kind": "days_between", "from": start, "to": end} | more


def test_the_days_are_a_number_feature_after_the_columns() -> None:
    contract = parse_config(
        content({"tenure": days(nullable=True), "fixed": days(end="2024-01-01")})
    ).contract
    assert contract.names == ("age", "tenure", "fixed")
    assert contract.columns == ("age", "signup", "snapshot")
    assert contract.date_columns == ("signup", "snapshot")
    assert contract.features[1] == NumberFeature(
        "tenure", -MOST_DAYS, MOST_DAYS, integer=True, nullable=True, days=DaysBetween("signup", "snapshot")
    )
    assert contract.features[2].columns == ("signup",)
    assert Contract.from_dict(json.loads(json.dumps(contract.to_dict()))) == contract


def test_a_date_may_be_missing_only_if_each_feature_allows_it() -> None:
    derived = {
        "a": days(nullable=True),
        "b": days(end="other", nullable=True),
        "c": days("other", "snapshot"),
    }
    contract = parse_config(content(derived)).contract
    assert [contract.may_be_missing(name) for name in ("signup", "snapshot", "other")] == [True, False, False]


@pytest.mark.parametrize("end", ["2024-01-31", "snapshot"])
def test_settings_are_read_back_from_what_they_are_written_as(end: str) -> None:
    settings = parse_config(content({"tenure": days(end=end)}))
    stored = settings.model_dump(mode="json")
    assert stored["data"]["derived"]["tenure"] | {} == days(
        end=end, nullable=False, monotonic=None, label=None, help=None, reason_group=None
    )
    assert parse_config(json.loads(json.dumps(stored))) == settings
    assert parse_config(settings.model_dump()) == settings


@pytest.mark.parametrize("written", ["2024-01-31", "'2024-01-31'"])
def test_a_fixed_day_is_a_day_of_yaml_or_text(written: str) -> None:
    end = yaml.safe_load(f"to: {written}")["to"]
    contract = parse_config(content({"tenure": days(end=end)})).contract
    assert contract.numbers[-1].days == DaysBetween("signup", "2024-01-31", end_is_day=True)


def test_other_derived_columns_may_use_the_days() -> None:
    derived = {"tenure": days(), "band": {"kind": "bucket", "column": "tenure", "edges": [365]}}
    assert parse_config(content(derived)).contract.derived[0].columns == ("tenure",)


@pytest.mark.parametrize(
    ("derived", "words"),
    [
        ({"d": days(end="signup")}, ["data.derived.d", "same column"]),
        ({"d": days("age")}, ["data.derived.d", "'age'", "date column"]),
        ({"d": days(end="left")}, ["data.derived.d", "'left'"]),
        ({"d": days("key")}, ["data.derived.d", "'key'"]),
        ({"d": days("d")}, ["data.derived.d", "'d'"]),
        ({"d": days("e"), "e": days()}, ["data.derived.d", "'e'"]),
        ({"d": days("AGE")}, ["'age'", "'AGE'", "case"]),
        ({"d": days(end="2024-02-30")}, ["data.derived.d", "does not exist"]),
        ({"d": days(end=yaml.safe_load("2024-02-28T10:00:00"))}, ["data.derived.d", "without a time"]),
        ({"d": days(), "b": {"kind": "count", "value": "x", "columns": ["d", "age"]}}, ["'d'", "category"]),
    ],
)
def test_contradictions_are_refused_with_the_key(derived: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(ConfigError) as refused:
        parse_config(content(derived))
    for word in words:
        assert word in str(refused.value)


def test_the_monotonic_direction_needs_the_additive_model() -> None:
    declared = content({"tenure": days(monotonic="decreasing")})
    assert parse_config(declared).contract.numbers[-1].monotonic == "decreasing"
    with pytest.raises(ConfigError, match=r"data\.derived\.tenure\.monotonic"):
        parse_config(declared | {"model": {"type": "random_forest"}})


def test_a_fixed_day_is_kept_as_a_date() -> None:
    spec: Any = parse_config(content({"tenure": days(end="2024-01-31")})).data.derived["tenure"]
    assert spec.end == date(2024, 1, 31)

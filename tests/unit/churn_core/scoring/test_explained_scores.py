"""Contributions, value kinds, rounding and decisions of scores."""

from __future__ import annotations

import json
from collections import UserDict
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from churn_core.errors import InvalidRecordsError
from churn_core.schema import CategoryFeature, Contract, NumberFeature
from churn_core.scoring.bundle import RISKS
from churn_core.scoring.predictor import ChurnPredictor
from churn_core.scoring.scores import round_probability
from tests.mirror_model import mirror

if TYPE_CHECKING:
    pass

CONTRACT = Contract(
    (CategoryFeature("plan", ("basic", "gold"), nullable=True), NumberFeature("spent", 0, 9, nullable=True)),
    *("left", "yes", "no"),
)


@pytest.fixture(scope="module")
def shown() -> ChurnPredictor:
    """A model whose contributions are the encoded values."""
    return mirror(CONTRACT)


@pytest.mark.parametrize(
    ("record", "kinds"),
    [
        ({"plan": "gold", "spent": 1}, ["known", "known"]),
        ({"plan": "iron", "spent": None}, ["unknown", "missing"]),
        ({"plan": " ", "spent": 0}, ["missing", "known"]),
        ({}, ["missing", "missing"]),
    ],
)
def test_the_answer_gives_the_kind_of_each_value(
    shown: ChurnPredictor, record: dict[str, Any], kinds: list[str]
) -> None:
    answer = shown.predict(record, all_reasons=True)
    value_kinds = {reason["feature"]: reason["value_kind"] for reason in answer["reasons"]}
    assert [value_kinds["plan"], value_kinds["spent"]] == kinds
    assert answer["warnings"] == (["plan"] if kinds[0] == "unknown" else [])


@pytest.mark.parametrize("kind", [MappingProxyType, UserDict])
def test_a_customer_may_be_any_mapping(shown: ChurnPredictor, kind: Any) -> None:
    record = {"plan": "gold", "spent": 1}
    assert shown.predict(kind(record)) == shown.predict(record)
    assert shown.predict((kind(record),)) == [shown.predict(record)]


def test_columns_may_be_arrays_and_further_columns_are_ignored(shown: ChurnPredictor) -> None:
    columns: dict[str, Any] = {
        "plan": np.array(["gold", "iron"]),
        "spent": np.array([1.5, np.nan]),
        "left": ["yes", "no"],
    }
    lists: dict[str, Any] = {"plan": ["gold", "iron"], "spent": [1.5, None]}
    found, expected = shown.predict_columns(columns), shown.predict_columns(lists)
    np.testing.assert_array_equal(found.raw_score, expected.raw_score)


def test_columns_of_different_lengths_are_refused(shown: ChurnPredictor) -> None:
    with pytest.raises(ValueError, match="same length"):
        shown.predict_columns({"plan": ["gold"], "spent": [1, 2]})


def test_the_error_lists_every_fault_of_every_record_and_no_value(shown: ChurnPredictor) -> None:
    secret = "SSN-111-22-3333"
    with pytest.raises(InvalidRecordsError) as caught:
        shown.predict([{}, {"spent": secret, "plan": 1.5, secret: secret}])
    faults = [(fault.record, fault.column, fault.code) for fault in caught.value.faults]
    assert faults == [(1, "plan", "wrong_type"), (1, "spent", "wrong_type"), (1, 2, "extra_forbidden")]
    assert secret not in str(caught.value)


@pytest.mark.parametrize(
    ("exact", "rounded"),
    [(0.1234565, 0.123456), (0.1234575, 0.123458), (0.9999999, 1.0), (4e-7, 0.0), (0.3, 0.3)],
)
def test_probabilities_are_rounded_to_six_decimals(exact: float, rounded: float) -> None:
    assert round_probability(np.array([exact]))[0] == rounded


def test_decisions_use_the_rounded_probability() -> None:
    predictor = mirror(Contract((NumberFeature("n", -1, 1),), "left", "yes", "no"))
    assert predictor.bundle.threshold == 0.5
    assert predictor.predict({"n": -1e-6})["will_churn"] is True
    assert predictor.predict({"n": -1e-5})["will_churn"] is False


@pytest.mark.parametrize(
    ("probability", "risk"),
    [(0.0, "low"), (0.299999, "low"), (0.3, "medium"), (0.599999, "medium"), (0.6, "high"), (1.0, "high")],
)
def test_a_risk_band_includes_its_lower_bound(shown: ChurnPredictor, probability: float, risk: str) -> None:
    (level,) = shown.bundle.risk_levels(np.array([probability]))
    assert RISKS[level] == risk


def test_an_answer_is_json(shown: ChurnPredictor) -> None:
    answer = shown.predict([{"plan": "gold", "spent": np.float32(1.5)}, {}], all_reasons=True)
    assert json.loads(json.dumps(answer, allow_nan=False)) == answer

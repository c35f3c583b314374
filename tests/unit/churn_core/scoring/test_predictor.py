"""One customer, a list and columns get the same scores, and answers describe them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from churn_core.errors import InvalidRecordsError
from churn_core.scoring.files.sql.output_columns import RESERVED_NAMES
from churn_core.scoring.predictor import ChurnPredictor

if TYPE_CHECKING:
    from pathlib import Path

CUSTOMER = {
    "customerID": "7590-VHVEG",
    "gender": "Female",
    "SeniorCitizen": 0,
    "Partner": "Yes",
    "Dependents": "No",
    "tenure": 1,
    "PhoneService": "No",
    "MultipleLines": "No phone service",
    "InternetService": "DSL",
    "OnlineSecurity": "No",
    "OnlineBackup": "Yes",
    "DeviceProtection": "No",
    "TechSupport": "No",
    "StreamingTV": "No",
    "StreamingMovies": "No",
    "Contract": "Month-to-month",
    "PaperlessBilling": "Yes",
    "PaymentMethod": "Electronic check",
    "MonthlyCharges": 29.85,
    "TotalCharges": None,
}


@pytest.fixture(scope="module")
def predictor(sample_bundle: Path) -> ChurnPredictor:
    return ChurnPredictor.load(sample_bundle)


def refused(predictor: ChurnPredictor, **changes: Any) -> list[tuple[str | int, str]]:
    with pytest.raises(InvalidRecordsError) as caught:
        predictor.predict(CUSTOMER | changes)
    return [(fault.column, fault.code) for fault in caught.value.faults]


def test_an_answer_has_probability_decision_and_reasons(predictor: ChurnPredictor) -> None:
    answer = predictor.predict(CUSTOMER)
    assert list(answer) == [
        *("customerID", "churn_probability", "will_churn", "threshold", "risk"),
        *("reasons", "warnings", "model_version", "keeps"),
    ]
    assert answer["customerID"] == "7590-VHVEG"
    assert round(answer["churn_probability"], 6) == answer["churn_probability"]
    assert answer["will_churn"] == (answer["churn_probability"] >= answer["threshold"])
    assert answer["warnings"] == []
    json.dumps(answer)


def test_reasons_push_towards_leaving_and_come_largest_first(predictor: ChurnPredictor) -> None:
    reasons = predictor.predict(CUSTOMER)["reasons"]
    contributions = [reason["contribution"] for reason in reasons]
    assert 1 <= len(reasons) <= 3
    assert contributions == sorted(contributions, reverse=True)
    assert min(contributions) > 0


def test_all_reasons_list_every_feature(predictor: ChurnPredictor) -> None:
    reasons = predictor.predict(CUSTOMER, all_reasons=True)["reasons"]
    assert {reason["feature"] for reason in reasons} == set(predictor.contract.names)
    kinds = {reason["feature"]: reason["value_kind"] for reason in reasons}
    assert kinds["TotalCharges"] == "missing"
    assert kinds["tenure"] == "known"


def test_an_unknown_category_is_scored_and_named(predictor: ChurnPredictor) -> None:
    answer = predictor.predict(CUSTOMER | {"Contract": "by carrier pigeon"}, all_reasons=True)
    assert answer["warnings"] == ["Contract"]
    assert next(r for r in answer["reasons"] if r["feature"] == "Contract")["value_kind"] == "unknown"


def test_no_id_can_have_the_name_of_another_member_of_an_answer(predictor: ChurnPredictor) -> None:
    members = set(predictor.predict(CUSTOMER)) - {predictor.contract.id_column}
    assert members <= set(RESERVED_NAMES)


def test_the_id_is_optional(predictor: ChurnPredictor) -> None:
    record = {key: value for key, value in CUSTOMER.items() if key != "customerID"}
    answer = predictor.predict(record)
    assert "customerID" not in answer
    assert answer["churn_probability"] == predictor.predict(CUSTOMER)["churn_probability"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"tenure": None}, "missing"),
        ({"tenure": "1"}, "wrong_type"),
        ({"tenure": True}, "wrong_type"),
        ({"tenure": 1.5}, "not_integer"),
        ({"tenure": -1}, "out_of_range"),
        ({"tenure": 10**400}, "out_of_range"),
        ({"MonthlyCharges": float("inf")}, "not_finite"),
        ({"MonthlyCharges": 1e39}, "out_of_range"),
        ({"Contract": 1.5}, "wrong_type"),
        ({"Contract": ["Month-to-month"]}, "wrong_type"),
        ({"Contract": "x" * 257}, "too_long"),
        ({"Contract": "a\0b"}, "invalid_unicode"),
        ({"Contract": "\ud800"}, "invalid_unicode"),
    ],
)
def test_a_value_that_breaks_the_contract_is_refused_with_its_code(
    predictor: ChurnPredictor, changes: dict[str, Any], code: str
) -> None:
    assert refused(predictor, **changes) == [(next(iter(changes)), code)]


def test_a_whole_number_may_be_written_with_a_point(predictor: ChurnPredictor) -> None:
    assert predictor.predict(CUSTOMER | {"tenure": 1.0}) == predictor.predict(CUSTOMER)


def test_the_error_gives_the_position_of_an_unknown_key_and_not_its_name(predictor: ChurnPredictor) -> None:
    assert refused(predictor, **{"SSN-111-22-3333": 1}) == [(len(CUSTOMER), "extra_forbidden")]
    assert refused(predictor, Churn="Yes") == [(len(CUSTOMER), "extra_forbidden")]


def test_one_record_a_list_and_columns_give_the_same_scores(predictor: ChurnPredictor) -> None:
    records = [CUSTOMER | {"tenure": tenure} for tenure in range(40)]
    answers = predictor.predict(records)
    assert answers == [predictor.predict(record) for record in records]
    columns = {name: [record[name] for record in records] for name in CUSTOMER}
    scores = predictor.predict_columns(columns)
    assert scores.probability.tolist() == [answer["churn_probability"] for answer in answers]
    assert predictor.predict([]) == []


def test_a_missing_column_is_refused(predictor: ChurnPredictor) -> None:
    columns = {name: [value] for name, value in CUSTOMER.items() if name != "tenure"}
    with pytest.raises(InvalidRecordsError, match="'tenure'"):
        predictor.predict_columns(columns)


@pytest.mark.parametrize("missing", [None, " "])
def test_a_missing_category_is_scored_with_a_warning(predictor: ChurnPredictor, missing: str | None) -> None:
    answer = predictor.predict(CUSTOMER | {"Contract": missing}, all_reasons=True)
    assert answer["warnings"] == ["Contract"]
    reason = next(r for r in answer["reasons"] if r["feature"] == "Contract")
    assert (reason["value_kind"], reason["value"]) == ("missing", None)
    left_out = {name: value for name, value in CUSTOMER.items() if name != "Contract"}
    assert predictor.predict(left_out)["churn_probability"] == answer["churn_probability"]


@pytest.mark.parametrize("all_reasons", [False, True])
def test_one_customer_gets_the_same_answer_alone_and_among_many(bundle_of: Any, all_reasons: bool) -> None:
    predictor = ChurnPredictor.load(bundle_of("additive"))
    odd = CUSTOMER | {"Contract": "by carrier pigeon", "TotalCharges": None, "gender": "unheard of"}
    records = [(odd if row % 3 else CUSTOMER) | {"tenure": row, "customerID": str(row)} for row in range(60)]
    together = predictor.predict(records, all_reasons=all_reasons)
    assert [predictor.predict(record, all_reasons=all_reasons) for record in records] == together

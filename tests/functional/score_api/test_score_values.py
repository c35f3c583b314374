"""Values of customers, and the places and codes of their faults (rows A1, A11 to A24)."""

from __future__ import annotations

import json
import unicodedata
from typing import TYPE_CHECKING, Any

import pytest

from churn_core.schema import MAX_TEXT_LENGTH, CategoryFeature, Contract, NumberFeature
from functions.score import routes
from functions.score.limits import MAX_CUSTOMERS, MAX_ERRORS
from tests.functional.score_api.score_client import post
from tests.mirror_model import mirror

if TYPE_CHECKING:
    from churn_core.scoring.predictor import ChurnPredictor


def refused(body: Any) -> list[tuple[list[str | int], str]]:
    """Return places and codes of the faults of an invalid customer."""
    answer = post("/predict", body)
    assert (answer.status, answer.problem) == (422, "validation")
    return answer.errors


def test_a1_the_answer_equals_that_of_the_library(
    customer: dict[str, Any], predictor: ChurnPredictor
) -> None:
    answer = post("/predict", customer)

    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.content == predictor.predict(customer)
    assert 0 <= answer.content["churn_probability"] <= 1
    assert answer.content["model_version"] == predictor.bundle.model_version
    assert answer.content["customerID"] == customer["customerID"]


def test_a1_the_id_may_be_left_out(customer: dict[str, Any], predictor: ChurnPredictor) -> None:
    del customer["customerID"]
    assert post("/predict", customer).content == predictor.predict(customer)


@pytest.mark.parametrize("identifier", [7, True, None, 2**63, 10**31, -(10**30), "ä😀", 2**53 + 1, "1.50"])
def test_a1_the_id_is_returned_unchanged(customer: dict[str, Any], identifier: Any) -> None:
    for path, body in (("/predict", customer), ("/predict/batch", {"customers": [customer] * 9})):
        content = post(
            path, json.loads(json.dumps(body).replace('"7590-VHVEG"', json.dumps(identifier)))
        ).content
        answer = content if path == "/predict" else content["predictions"][8]
        assert (answer["customerID"], type(answer["customerID"])) == (identifier, type(identifier))


@pytest.mark.parametrize(
    ("number", "returned"), [("7.0", 7), ("1e3", 1000), ("9007199254740991.0", 2**53 - 1)]
)
def test_a1_an_id_with_a_decimal_point_is_returned_as_the_whole_number_that_it_is(
    customer: dict[str, Any], number: str, returned: int
) -> None:
    body = json.dumps(customer).replace('"7590-VHVEG"', number)
    answer = post("/predict", body.encode())
    assert (answer.content["customerID"], type(answer.content["customerID"])) == (returned, int)


@pytest.mark.parametrize(
    "number", ["9007199254740993.0", "1.50", "1.00000000000000001", "1.0000000000000001", "1e30", "-0.5"]
)
def test_a1_an_id_that_would_lose_digits_is_refused(customer: dict[str, Any], number: str) -> None:
    body = json.dumps(customer).replace('"7590-VHVEG"', number)
    assert post("/predict", body.encode()).errors == [(["customerID"], "wrong_type")]


def test_a1_all_reasons_on_demand(customer: dict[str, Any], predictor: ChurnPredictor) -> None:
    answer = post("/predict", customer, query={"reasons": "all"})
    assert answer.content == predictor.predict(customer, all_reasons=True)
    assert {reason["feature"] for reason in answer.content["reasons"]} == set(predictor.contract.names)


def test_a1_another_kind_of_reasons_is_refused(customer: dict[str, Any]) -> None:
    answer = post("/predict", customer, query={"reasons": "some"})
    assert (answer.problem, answer.errors) == ("validation", [(["query", "reasons"], "not_allowed")])


def test_a11_an_unknown_field_is_given_by_its_position_since_its_name_may_be_personal(
    customer: dict[str, Any],
) -> None:
    assert refused({"Jane Doe": 1} | customer) == [([0], "extra_forbidden")]
    assert refused(customer | {"Churn": "No"}) == [([len(customer)], "extra_forbidden")]


def test_a12_a_missing_number_is_refused_and_a_missing_category_is_scored_with_a_warning(
    customer: dict[str, Any],
) -> None:
    del customer["Contract"]
    assert post("/predict", customer).content["warnings"] == ["Contract"]
    del customer["tenure"]
    assert refused(customer) == [(["tenure"], "missing")]


@pytest.mark.parametrize("text", ["1", " 1 ", "1_000", "nan", ""])
def test_a13_text_is_refused_for_a_number(customer: dict[str, Any], text: str) -> None:
    assert refused(customer | {"MonthlyCharges": text}) == [(["MonthlyCharges"], "wrong_type")]


def test_a13_text_is_accepted_for_a_number_stored_as_text(customer: dict[str, Any]) -> None:
    answers = [
        post("/predict", customer | {"TotalCharges": value}).content for value in (29.85, "29.85", " 29.85 ")
    ]
    probabilities = {answer["churn_probability"] for answer in answers}
    assert len(probabilities) == 1
    texts = {json.dumps([reason["text"] for reason in answer["reasons"]]) for answer in answers}
    assert len(texts) == 1
    assert refused(customer | {"TotalCharges": "1_000"}) == [(["TotalCharges"], "wrong_type")]


@pytest.mark.parametrize("value", [True, False, [], {}, [1], {"a": 1}])
def test_a14_other_types_are_refused_for_a_number(customer: dict[str, Any], value: object) -> None:
    assert refused(customer | {"MonthlyCharges": value}) == [(["MonthlyCharges"], "wrong_type")]
    assert refused(customer | {"tenure": value}) == [(["tenure"], "wrong_type")]


@pytest.mark.parametrize("value", [[], {}, ["Female"], 1.5])
def test_a14_a_category_is_text_a_whole_number_or_a_boolean(customer: dict[str, Any], value: object) -> None:
    assert refused(customer | {"gender": value}) == [(["gender"], "wrong_type")]


def test_a15_an_integer_may_have_a_decimal_point_but_no_fraction(customer: dict[str, Any]) -> None:
    whole = post("/predict", json.dumps(customer | {"tenure": 1.0}))
    assert '"tenure": 1.0' in json.dumps(customer | {"tenure": 1.0})
    assert whole.content == post("/predict", customer | {"tenure": 1}).content
    assert refused(customer | {"tenure": 1.5}) == [(["tenure"], "not_integer")]


def test_a16_null_is_missing_and_needs_a_nullable_column(
    customer: dict[str, Any], predictor: ChurnPredictor
) -> None:
    answer = post("/predict", customer | {"TotalCharges": None}, query={"reasons": "all"})
    assert answer.content == predictor.predict(customer | {"TotalCharges": None}, all_reasons=True)
    kinds = {reason["feature"]: reason["value_kind"] for reason in answer.content["reasons"]}
    assert kinds["TotalCharges"] == "missing"
    assert refused(customer | {"tenure": None}) == [(["tenure"], "missing")]
    assert post("/predict", customer | {"gender": None}).content["warnings"] == ["gender"]


@pytest.mark.parametrize(("value", "status"), [(-1, 422), (0, 200), (120, 200), (121, 422), (10**30, 422)])
def test_a17_numbers_stay_within_the_contracts_bounds(
    customer: dict[str, Any], value: int, status: int
) -> None:
    answer = post("/predict", customer | {"tenure": value})
    assert answer.status == status
    if status == 422:
        assert answer.errors == [(["tenure"], "out_of_range")]


def test_a18_an_unknown_category_is_scored_with_a_warning(customer: dict[str, Any]) -> None:
    answer = post("/predict", customer | {"Contract": "zzz", "gender": "yyy"}, query={"reasons": "all"})
    assert (answer.status, answer.content["warnings"]) == (200, ["gender", "Contract"])
    kinds = {reason["feature"]: reason["value_kind"] for reason in answer.content["reasons"]}
    assert (kinds["Contract"], kinds["gender"], kinds["Partner"]) == ("unknown", "unknown", "known")


@pytest.mark.parametrize(
    ("length", "status"), [(MAX_TEXT_LENGTH, 200), (MAX_TEXT_LENGTH + 1, 422), (1_000_000, 422)]
)
def test_a19_text_has_at_most_256_characters(customer: dict[str, Any], length: int, status: int) -> None:
    for column in ("gender", "customerID"):
        answer = post("/predict", customer | {column: "x" * length})
        assert answer.status == status
        if status == 422:
            assert answer.errors == [([column], "too_long")]


@pytest.mark.parametrize("escape", [r"\ud800", r"\udfff", r"a\udc00b"])
def test_a20_half_a_surrogate_pair_is_refused(customer: dict[str, Any], escape: str) -> None:
    for column in ("gender", "customerID"):
        body = json.dumps(customer | {column: "here"}).replace("here", escape)
        assert refused(body) == [([column], "invalid_unicode")]


def test_a20_a_whole_surrogate_pair_is_accepted(customer: dict[str, Any]) -> None:
    body = json.dumps(customer | {"customerID": "here"}).replace("here", r"\ud83d\ude00")
    assert post("/predict", body).content["customerID"] == "😀"


def test_a21_a_zero_character_is_refused(customer: dict[str, Any]) -> None:
    for column in ("gender", "customerID"):
        assert refused(customer | {column: "a\0b"}) == [([column], "invalid_unicode")]


def test_a22_categories_are_compared_byte_by_byte_after_nfc(monkeypatch: pytest.MonkeyPatch) -> None:
    contract = Contract((CategoryFeature("café", ("crème",)), NumberFeature("n", 0, 9)), "left", "yes", "no")
    monkeypatch.setattr(routes, "loaded_predictor", lambda: mirror(contract))
    decomposed = unicodedata.normalize("NFD", "crème")
    assert decomposed != "crème"

    def warnings(value: str) -> list[str]:
        content = post("/predict", {"café": value, "n": 1}).content
        found: list[str] = content["warnings"]
        return found

    assert warnings("crème") == warnings(decomposed) == []
    for lookalike in ("creme", "Crème", "crème ", "cr\u200bème", "\u202ecrème", "crèmе"):
        assert warnings(lookalike) == ["café"]


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({"customers": []}, [(["customers"], "too_short")]),
        ({"customers": {}}, [(["customers"], "list_type")]),
        ({"customers": None}, [(["customers"], "list_type")]),
        ({"customers": "x"}, [(["customers"], "list_type")]),
        ({}, [(["customers"], "missing")]),
        ([], [([], "object_type")]),
        ("5", [([], "object_type")]),
        ({"customers": [5, "x"]}, [(["customers", 0], "object_type"), (["customers", 1], "object_type")]),
        ({"more": 1, "customers": []}, [(["customers"], "too_short"), ([0], "extra_forbidden")]),
    ],
)
def test_a23_a_batch_is_a_list_of_customers(body: Any, errors: list[tuple[list[str | int], str]]) -> None:
    answer = post("/predict/batch", body)
    assert (answer.status, answer.problem) == (422, "validation")
    assert answer.errors == errors


def test_a23_one_customer_is_an_object() -> None:
    assert refused([]) == [([], "object_type")]


def test_a24_a_batch_of_a_thousand_customers_is_answered(
    customer: dict[str, Any], predictor: ChurnPredictor
) -> None:
    customers = [customer | {"customerID": str(row), "tenure": row % 70} for row in range(MAX_CUSTOMERS)]

    answer = post("/predict/batch", {"customers": customers})

    assert answer.status == 200
    assert answer.content["predictions"] == predictor.predict(customers)
    assert answer.content["total_customers"] == MAX_CUSTOMERS
    churners = sum(row["will_churn"] for row in answer.content["predictions"])
    assert 0 < answer.content["predicted_churners"] == churners < MAX_CUSTOMERS


@pytest.mark.parametrize("rows", [MAX_CUSTOMERS + 1, 10_000])
def test_a24_a_larger_batch_is_refused_before_the_model_runs(
    rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never() -> ChurnPredictor:
        raise AssertionError("the model was used")

    monkeypatch.setattr(routes, "loaded_predictor", never)
    answer = post("/predict/batch", {"customers": [{}] * rows})
    assert (answer.status, answer.problem) == (413, "too-many-rows")


def test_a24_faults_have_row_and_column(customer: dict[str, Any]) -> None:
    bad = customer | {"tenure": -1, "gender": 1.5}
    answer = post("/predict/batch", {"customers": [customer, bad, customer | {"x": 1}]})
    assert answer.errors == [
        (["customers", 1, "gender"], "wrong_type"),
        (["customers", 1, "tenure"], "out_of_range"),
        (["customers", 2, len(customer)], "extra_forbidden"),
    ]


def test_a24_only_the_first_faults_are_listed(customer: dict[str, Any]) -> None:
    answer = post("/predict/batch", {"customers": [customer | {"tenure": -1}] * (MAX_ERRORS + 1)})
    assert len(answer.errors) == MAX_ERRORS
    assert f"{MAX_ERRORS} of {MAX_ERRORS + 1}" in answer.content["detail"]

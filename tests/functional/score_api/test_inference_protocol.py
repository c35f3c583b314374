"""The Open Inference Protocol, version 2, in JSON."""

from __future__ import annotations

from typing import Any

import pytest

from churn_core.scoring.predictor import ChurnPredictor
from functions.score.limits import MAX_CUSTOMERS
from tests.functional.score_api.score_client import Answer, get, post

INFER = "/v2/models/churn/infer"


def tensor(name: str, data: list[Any], datatype: str = "BYTES", **more: Any) -> dict[str, Any]:
    return {"name": name, "shape": [len(data)], "datatype": datatype, "data": data} | more


@pytest.fixture
def inputs(customer: dict[str, Any], predictor: ChurnPredictor) -> list[dict[str, Any]]:
    """Two customers, column by column."""
    datatypes = {
        "tenure": "INT64",
        "SeniorCitizen": "INT64",
        "MonthlyCharges": "FP64",
        "TotalCharges": "FP64",
    }
    second = customer | {"tenure": 40, "Contract": "Two year", "TotalCharges": None}
    return [
        tensor(name, [customer[name], second[name]], datatypes.get(name, "BYTES"))
        for name in predictor.contract.names
    ]


def refused(body: Any, status: int = 400) -> str:
    """Return the error of a refused request."""
    answer = post(INFER, body)
    assert answer.status == status, answer.body
    assert answer.headers["content-type"] == "application/json"
    assert set(answer.content) == {"error"}
    return str(answer.content["error"])


def replaced(inputs: list[dict[str, Any]], name: str, **changes: Any) -> dict[str, Any]:
    return {"inputs": [item | changes if item["name"] == name else item for item in inputs]}


def test_scores_equal_those_of_the_library(
    inputs: list[dict[str, Any]], customer: dict[str, Any], predictor: ChurnPredictor
) -> None:
    second = customer | {"tenure": 40, "Contract": "Two year", "TotalCharges": None}
    answer = post(INFER, {"id": "42", "inputs": inputs})

    assert answer.status == 200
    assert answer.content == {
        "model_name": "churn",
        "model_version": predictor.bundle.model_version,
        "id": "42",
        "outputs": [
            {
                "name": "churn_probability",
                "datatype": "FP64",
                "shape": [2],
                "data": [row["churn_probability"] for row in predictor.predict([customer, second])],
            }
        ],
    }


@pytest.mark.parametrize("headers", [{}, {"Content-Type": "application/json"}])
def test_a_missing_content_type_means_json(inputs: list[dict[str, Any]], headers: dict[str, str]) -> None:
    assert post(INFER, {"inputs": inputs}, headers=headers).status == 200
    assert post(INFER, {"inputs": inputs}, headers={"Content-Type": "text/plain"}).status == 415


def test_the_shape_may_have_a_second_dimension_of_one(inputs: list[dict[str, Any]]) -> None:
    upright = [item | {"shape": [2, 1], "data": [[value] for value in item["data"]]} for item in inputs]
    assert post(INFER, {"inputs": upright}).content == post(INFER, {"inputs": inputs}).content


def test_only_a_nullable_input_may_be_left_out(inputs: list[dict[str, Any]]) -> None:
    without = [item for item in inputs if item["name"] != "TotalCharges"]
    assert post(INFER, {"inputs": without}).status == 200
    without = [item for item in inputs if item["name"] != "tenure"]
    assert "inputs.tenure.0: missing; inputs.tenure.1: missing" in refused({"inputs": without}, 422)


def test_the_id_column_is_an_optional_input(inputs: list[dict[str, Any]]) -> None:
    assert post(INFER, {"inputs": [tensor("customerID", ["a", "b"]), *inputs]}).status == 200


def test_binary_tensors_are_refused(inputs: list[dict[str, Any]]) -> None:
    assert "binary" in refused(replaced(inputs, "gender", parameters={"binary_data_size": 14}))
    headers = {"Inference-Header-Content-Length": "10"}
    answer = post(INFER, {"inputs": inputs}, headers=headers)
    assert (answer.status, set(answer.content)) == (400, {"error"})


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        {"inputs": []},
        {"inputs": {}},
        {"inputs": [5]},
        {"inputs": [{}]},
        {"inputs": [{"name": 5}]},
        "5",
    ],
)
def test_a_body_that_is_not_an_inference_request_is_refused(body: Any) -> None:
    refused(body)


def test_unknown_inputs_and_outputs_are_refused(inputs: list[dict[str, Any]]) -> None:
    assert f"Input {len(inputs)} " in refused({"inputs": [*inputs, tensor("Churn", ["No", "No"])]})
    assert "churn_probability and warnings" in refused({"inputs": inputs, "outputs": [{"name": "raw_score"}]})
    assert "'outputs'" in refused({"inputs": inputs, "outputs": "churn_probability"})
    assert post(INFER, {"inputs": inputs, "outputs": [{"name": "churn_probability"}]}).status == 200


def test_columns_with_a_warning_are_named(inputs: list[dict[str, Any]], predictor: ChurnPredictor) -> None:
    body = replaced(inputs, "Contract", data=["Three years", "Two year"])
    body["inputs"] = replaced(body["inputs"], "PaymentMethod", data=["Shells", "Shells"])["inputs"]
    wanted = [{"name": "warnings"}, {"name": "churn_probability"}]
    answer = post(INFER, body | {"outputs": wanted}).content
    assert answer["outputs"][0] == tensor("warnings", ["Contract,PaymentMethod", "PaymentMethod"])
    assert answer["outputs"][1]["name"] == "churn_probability"
    assert answer["parameters"] == {"warnings": "Contract,PaymentMethod"}
    # Without the output, the parameters still name the columns.
    plain = post(INFER, body).content
    assert [output["name"] for output in plain["outputs"]] == ["churn_probability"]
    assert plain["parameters"] == answer["parameters"]
    assert "parameters" not in post(INFER, {"inputs": inputs}).content
    described = get("/v2/models/churn").content["outputs"]
    assert [output["name"] for output in described] == ["churn_probability", "warnings"]


@pytest.mark.parametrize(
    "changes",
    [
        {"shape": [3]},
        {"shape": [2, 2]},
        {"shape": []},
        {"shape": "2"},
        {"shape": None},
        {"data": None},
        {"data": "FemaleMale"},
        {"data": [], "shape": [0]},
        {"data": [["Female", "Male"]], "shape": [1, 2]},
        {"datatype": "STRING"},
        {"datatype": None},
        {"datatype": "INT64"},
        {"data": ["Female", 5]},
        {"data": [["Female"], []]},
    ],
)
def test_data_must_fit_its_datatype_and_shape(inputs: list[dict[str, Any]], changes: dict[str, Any]) -> None:
    assert "'gender'" in refused(replaced(inputs, "gender", **changes))


def test_all_inputs_have_the_same_number_of_rows(inputs: list[dict[str, Any]]) -> None:
    assert "rows" in refused(replaced(inputs, "gender", data=["Female"], shape=[1]))


def test_a_repeated_input_is_refused(inputs: list[dict[str, Any]]) -> None:
    assert f"Input {len(inputs)} " in refused({"inputs": [*inputs, inputs[0]]})


@pytest.mark.parametrize("identifier", [5, "x" * 257, "a\nb", {}])
def test_the_request_id_must_be_short_printable_text(inputs: list[dict[str, Any]], identifier: Any) -> None:
    assert "id" in refused({"id": identifier, "inputs": inputs})


def test_values_must_fit_the_contract(inputs: list[dict[str, Any]]) -> None:
    assert "inputs.tenure.1: out_of_range" in refused(replaced(inputs, "tenure", data=[1, -1]), 422)


@pytest.mark.parametrize(("rows", "status"), [(MAX_CUSTOMERS, 200), (MAX_CUSTOMERS + 1, 413)])
def test_rows_are_limited(inputs: list[dict[str, Any]], rows: int, status: int) -> None:
    many = [item | {"shape": [rows], "data": item["data"][:1] * rows} for item in inputs]
    assert post(INFER, {"inputs": many}).status == status


@pytest.mark.parametrize(
    ("path", "keys"),
    [
        ("/v2", {"name", "version", "extensions"}),
        ("/v2/health/live", {"live"}),
        ("/v2/health/ready", {"ready"}),
        ("/v2/models/churn", {"name", "versions", "platform", "inputs", "outputs"}),
        ("/v2/models/churn/ready", {"ready"}),
    ],
)
def test_metadata_and_health(path: str, keys: set[str]) -> None:
    answer: Answer = get(path)
    assert (answer.status, set(answer.content)) == (200, keys)


def test_the_metadata_names_each_column_with_any_number_of_rows(predictor: ChurnPredictor) -> None:
    content = get("/v2/models/churn").content
    assert content["outputs"] == [
        {"name": "churn_probability", "datatype": "FP64", "shape": [-1]},
        {"name": "warnings", "datatype": "BYTES", "shape": [-1]},
    ]
    assert [item["name"] for item in content["inputs"]] == list(predictor.contract.columns)
    assert all(item["shape"] == [-1] for item in content["inputs"])


def test_a_running_server_with_a_model_is_live_and_ready() -> None:
    assert get("/v2/health/live").content == {"live": True}
    assert get("/v2/health/ready").content == {"ready": True}
    assert get("/v2/models/churn/ready").content == {"ready": True}


@pytest.mark.parametrize("path", ["/v2/", "/v2/models/other", "/v2/models/other/infer", "/v2/nothing"])
def test_unknown_paths_are_answered_with_the_error_of_the_protocol(path: str) -> None:
    answer = get(path)
    assert (answer.status, set(answer.content)) == (404, {"error"})

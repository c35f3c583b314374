"""A customer's values appear in no answer, no log and no metric (row A51)."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from functions.score import routes
from tests.functional.score_api.score_client import Answer, event, invoke, post

if TYPE_CHECKING:
    from collections.abc import Iterator

CANARY = "SSN-111-22-3333"


def bodies(customer: dict[str, Any]) -> Iterator[Any]:
    """Yield valid and invalid bodies with the canary in every field, as value and as key."""
    for column in customer:
        for value in (CANARY, [CANARY], {CANARY: CANARY}, CANARY * 40, f"\0{CANARY}", f"{CANARY}\ud800"):
            if column != "customerID" or value is not CANARY:
                yield json.dumps(customer | {column: value})
    yield json.dumps(customer | {CANARY: CANARY})
    yield json.dumps({CANARY: customer})
    yield f'{{"{CANARY}": 1, "{CANARY}": 2}}'
    yield f'{{"tenure": {CANARY}}}'
    yield f'"{CANARY}"'
    yield CANARY
    yield b"\xef\xbb\xbf" + CANARY.encode()
    yield b"\xff" + CANARY.encode()
    yield "[" * 100 + f'"{CANARY}"' + "]" * 100
    yield json.dumps({"customers": CANARY})
    yield json.dumps({"customers": [CANARY] * 1001})
    yield json.dumps({"customers": [customer | {"tenure": CANARY}, {CANARY: 1}]})
    yield json.dumps({"inputs": [{"name": CANARY, "datatype": CANARY, "shape": [CANARY], "data": [CANARY]}]})
    yield json.dumps(
        {
            "id": CANARY + "\0",
            "inputs": [{"name": "tenure", "datatype": "INT64", "shape": [1], "data": [CANARY]}],
        }
    )


def written(answer: Answer) -> str:
    return answer.body + answer.log + str(answer.headers)


@pytest.mark.parametrize("path", ["/predict", "/predict/batch", "/v2/models/churn/infer"])
def test_a51_no_value_of_a_body_is_written(customer: dict[str, Any], path: str) -> None:
    for body in bodies(customer):
        answer = post(path, body)
        # Only the reasons of a score repeat the caller's own values.
        body_text = "" if answer.status == 200 else answer.body
        assert CANARY not in body_text + answer.log + str(answer.headers), body
        assert answer.log_lines  # Otherwise the test would prove nothing about logs.


@pytest.mark.parametrize(
    "changes",
    [
        {"path": f"/{CANARY}"},
        {"httpMethod": CANARY},
        {"headers": {"Content-Type": CANARY}},
        {"headers": {"Content-Type": "application/json", "Content-Encoding": CANARY}},
        {"headers": {"Content-Type": "application/json", CANARY: CANARY * 1000}},
        {"queryStringParameters": {"reasons": CANARY}},
        {"queryStringParameters": {CANARY: CANARY}},
        {"body": base64.b64encode(CANARY.encode()).decode(), "isBase64Encoded": True},
        {"body": CANARY + "!", "isBase64Encoded": True},
    ],
)
def test_a51_no_value_of_an_event_is_written(changes: dict[str, Any]) -> None:
    content = event(body="{}") | changes
    content["multiValueQueryStringParameters"] = None
    assert CANARY not in written(invoke(content))


def test_a51_no_value_is_written_when_the_service_fails(
    monkeypatch: pytest.MonkeyPatch, customer: dict[str, Any]
) -> None:
    def fail(*_: object) -> None:
        raise ValueError(f"can't convert {CANARY}")

    monkeypatch.setattr(routes, "_json", fail)
    answer = post("/predict", customer | {"Contract": CANARY})
    assert answer.status == 500
    assert CANARY not in written(answer)


def test_a51_only_the_id_is_returned(customer: dict[str, Any]) -> None:
    answer = post("/predict", customer | {"customerID": CANARY})
    assert answer.content["customerID"] == CANARY
    assert answer.body.count(CANARY) == 1
    assert CANARY not in answer.log

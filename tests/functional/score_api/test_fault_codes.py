"""The closed list of codes in `errors`: OpenAPI and answers use all of them, and no other."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from churn_core.errors import MALFORMED_LINE_CODE, REJECT_CODES
from functions.score.errors import FAULT_CODES
from functions.score.openapi.document import openapi_document
from tests.functional.dates.dated_customers import as_records
from tests.functional.score_api.score_client import post

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pandas as pd

    from churn_core.scoring.predictor import ChurnPredictor

CHANGES: dict[str, dict[str, Any]] = {
    "missing": {"tenure": None},
    "not_finite": {"tenure": float("inf")},
    "out_of_range": {"tenure": -1},
    "not_integer": {"tenure": 1.5},
    "too_long": {"gender": "x" * 257},
    "invalid_unicode": {"gender": "\0"},
    "wrong_type": {"gender": []},
    "extra_forbidden": {"tenant": 1},
}
"""Changes of a valid customer that are refused, by code."""

BODIES: dict[str, Any] = {"object_type": [], "list_type": {"customers": {}}, "too_short": {"customers": []}}
"""Bodies of a batch that are refused, by code."""


def test_reject_codes_are_reused_and_no_code_is_listed_twice() -> None:
    assert set(REJECT_CODES) - set(FAULT_CODES) == {MALFORMED_LINE_CODE}
    assert len(set(FAULT_CODES)) == len(FAULT_CODES)


def test_openapi_lists_exactly_these_codes(predictor: ChurnPredictor) -> None:
    problem = openapi_document(predictor.bundle)["components"]["schemas"]["Problem"]
    assert problem["properties"]["errors"]["items"]["properties"]["code"]["enum"] == list(FAULT_CODES)


@pytest.mark.parametrize("code", FAULT_CODES)
def test_each_code_is_answered_to_a_request(
    code: str,
    customer: dict[str, Any],
    dated: pd.DataFrame,
    dated_bundle: Path,
    use_model: Callable[[Path], None],
) -> None:
    if code == "not_a_date":
        use_model(dated_bundle)
        answer = post("/predict", as_records(dated.head(1))[0] | {"signup": "today"})
    elif code == "not_allowed":
        answer = post("/predict", customer, query={"reasons": "some"})
    elif code in BODIES:
        answer = post("/predict/batch", BODIES[code])
    else:
        answer = post("/predict", json.dumps(customer | CHANGES[code]).replace("Infinity", "1e999"))
    assert (answer.status, answer.problem) == (422, "validation")
    assert [found for _, found in answer.errors] == [code]

"""What the API answers; free of the place where it runs."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from aws_lambda_powertools.event_handler.router import APIGatewayRouter

from functions.score.model import loaded_predictor
from functions.score.problems import InvalidBodyError, NotAnObjectError

router = APIGatewayRouter()  # type: ignore[no-untyped-call]


@router.post("/predict")
def predict() -> dict[str, Any]:
    """Score the customer in the body; ``?reasons=all`` lists every feature's contribution."""
    all_reasons = router.current_event.get_query_string_value("reasons", "") == "all"
    return loaded_predictor().predict(_customer(), all_reasons=all_reasons)


@router.get("/health")
def health() -> dict[str, str]:
    """Tell that the model is loaded, and which one."""
    return {"status": "ok", "model_version": loaded_predictor().bundle.model_version}


def _customer() -> dict[str, Any]:
    try:
        content = json.loads(router.current_event.decoded_body or "", parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        # ValueError covers bad base64, bad UTF-8, bad JSON and integers of absurd length.
        raise InvalidBodyError from None
    if not isinstance(content, dict):
        raise NotAnObjectError
    return content


def _refuse_constant(_: str) -> NoReturn:
    """Refuse NaN and Infinity, which Python would read but JSON does not have."""
    raise ValueError

"""Compare a version's scores with those that the bundle recorded for its golden rows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from churn_core.errors import ChurnError

if TYPE_CHECKING:
    from collections.abc import Callable

    from churn_core.scoring.bundle import Bundle

PATH: Final = "/predict/batch"
TOLERANCE: Final = 1e-6
"""Largest difference of a probability on another type of processor."""
_OK: Final = 200


class VersionRefusedError(ChurnError):
    """The version must not receive requests; the message says why."""


def check_version(bundle: Bundle, invoke: Callable[[dict[str, Any]], Any], *, refuses_samples: bool) -> int:
    """Score the bundle's golden rows with a version, and compare with the recorded scores.

    Parameters
    ----------
    bundle : Bundle
        The model that the version must have.
    invoke : callable
        Invokes the version with an event of API Gateway and returns its answer.
    refuses_samples : bool
        Whether a sample model is refused even if its scores are correct.

    Returns
    -------
    int
        Number of compared rows.

    Raises
    ------
    VersionRefusedError
        If the version does not answer, or if a score differs.
    """
    if refuses_samples and bundle.manifest.get("sample"):
        raise VersionRefusedError(
            "The model is a sample; build with MODEL=DIR, a model that was trained on your own customers."
        )
    golden = bundle.manifest["golden_rows"]
    predictions = _predictions(invoke(proxy_event([row["record"] for row in golden])))
    if len(predictions) != len(golden):
        raise VersionRefusedError(
            f"The version answered {len(golden)} golden rows with {len(predictions)} scores; read its log."
        )
    for number, (row, prediction) in enumerate(zip(golden, predictions, strict=True)):
        _compare(number, row, prediction, bundle.model_version)
    return len(golden)


def proxy_event(customers: list[dict[str, Any]]) -> dict[str, Any]:
    """Return API Gateway's (REST) event for a request that scores customers."""
    headers = {"Content-Type": "application/json"}
    return {
        "resource": PATH,
        "path": PATH,
        "httpMethod": "POST",
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": {
            "resourcePath": PATH,
            "httpMethod": "POST",
            "path": PATH,
            "stage": "pre-traffic",
            "requestId": "pre-traffic",
        },
        "body": json.dumps({"customers": customers}),
        "isBase64Encoded": False,
    }


def _predictions(answer: Any) -> list[Any]:
    status = answer.get("statusCode") if isinstance(answer, dict) else None
    if status != _OK:
        raise VersionRefusedError(
            f"The version answered the golden rows with status {status}, not {_OK}; read its log."
        )
    try:
        predictions = json.loads(answer["body"])["predictions"]
    except (KeyError, TypeError, ValueError):
        predictions = None
    if not isinstance(predictions, list):
        raise VersionRefusedError("The version answered 200, but without a list of predictions.")
    return predictions


def _compare(number: int, row: dict[str, Any], prediction: Any, model_version: str) -> None:
    try:
        probability = prediction["churn_probability"]
        # Bundles of earlier versions do not record the risk.
        decided = {name: prediction[name] for name in ("will_churn", "risk") if name in row}
        version = prediction["model_version"]
        # `not (x <= tol)` also rejects NaN.
        is_close = abs(probability - row["churn_probability"]) <= TOLERANCE
    except (KeyError, TypeError) as error:
        raise VersionRefusedError(f"The answer for golden row {number} is not a prediction.") from error
    if version != model_version:
        raise VersionRefusedError(
            f"The version has the model {version}, but this deployment ships {model_version}."
        )
    if not is_close:
        raise VersionRefusedError(
            f"Golden row {number}: scored {probability}, but {row['churn_probability']} is recorded."
        )
    for name, value in decided.items():
        if value != row[name]:
            raise VersionRefusedError(f"Golden row {number}: {name} is {value}, but {row[name]} is recorded.")

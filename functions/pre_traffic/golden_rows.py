"""Hold a version's answers against what the bundle recorded for its golden rows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from churn_core.errors import ChurnError

if TYPE_CHECKING:
    from collections.abc import Callable

    from churn_core.scoring.bundle import Bundle

PATH: Final = "/predict/batch"
TOLERANCE: Final = 1e-6
"""How far a probability may be off on another type of processor."""
_OK: Final = 200


class VersionRefusedError(ChurnError):
    """The version may not take requests; the message says why."""


def check_version(bundle: Bundle, invoke: Callable[[dict[str, Any]], Any], *, refuses_samples: bool) -> int:
    """Have a version score the bundle's golden rows, and refuse it unless all are as recorded.

    Parameters
    ----------
    bundle : Bundle
        What the version must answer by.
    invoke : callable
        Hands the version an event of API Gateway and returns what it answers.
    refuses_samples : bool
        Whether a sample model is refused, however well it answers.

    Returns
    -------
    int
        Rows that were compared.

    Raises
    ------
    VersionRefusedError
        If the version does not answer, or differently.
    """
    if refuses_samples and bundle.manifest.get("sample"):
        raise VersionRefusedError(
            "The model is a sample; build with MODEL naming one that was trained on your own customers."
        )
    golden = bundle.manifest["golden_rows"]
    if not golden:
        raise VersionRefusedError("The bundle has no golden rows; train the model again.")
    predictions = _predictions(invoke(proxy_event([row["record"] for row in golden])))
    if len(predictions) != len(golden):
        raise VersionRefusedError(f"{len(golden)} rows were sent, {len(predictions)} scores came back.")
    for number, (row, prediction) in enumerate(zip(golden, predictions, strict=True)):
        _compare(number, row, prediction, bundle.model_version)
    return len(golden)


def proxy_event(customers: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the event by which API Gateway (REST) hands over customers to score."""
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
            f"The version answered the golden rows with {status}, not {_OK}; see its log."
        )
    try:
        predictions = json.loads(answer["body"])["predictions"]
    except (KeyError, TypeError, ValueError) as error:
        raise VersionRefusedError("The version answered 200, but without predictions.") from error
    if not isinstance(predictions, list):
        raise VersionRefusedError("The version answered 200, but without predictions.")
    return predictions


def _compare(number: int, row: dict[str, Any], prediction: Any, model_version: str) -> None:
    try:
        probability, decision = prediction["churn_probability"], prediction["will_churn"]
        version = prediction["model_version"]
        # Said so that NaN is no answer either.
        is_close = abs(probability - row["churn_probability"]) <= TOLERANCE
    except (KeyError, TypeError) as error:
        raise VersionRefusedError(f"The answer for golden row {number} is no prediction.") from error
    if version != model_version:
        raise VersionRefusedError(f"The version scores with {version}, the deployment holds {model_version}.")
    if not is_close:
        raise VersionRefusedError(
            f"Golden row {number} was scored {probability}, recorded is {row['churn_probability']}."
        )
    if decision != row["will_churn"]:
        raise VersionRefusedError(f"Golden row {number} was decided differently from what is recorded.")

"""Responses to refused requests.

They are problem details (RFC 9457); under /v2 they are the error object of the Open Inference Protocol.
Responses and log lines never contain a value of the request, because values are customers' data.
"""

from __future__ import annotations

import json
import traceback
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from aws_lambda_powertools.event_handler import Response

from churn_core.errors import BundleError
from functions.score.errors import Problem, RequestRefusedError
from functions.score.limits import MAX_ERRORS

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger

PROBLEM: Final = "application/problem+json"
JSON: Final = "application/json"
V2_PREFIX: Final = "/v2"

FIXED_HEADERS: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
"""Headers of every answer: scores are personal, and browsers must not guess another content type."""

_RETRY_LATER: Final = {"Retry-After": "5"}


def refusal(error: Exception, logger: Logger) -> RequestRefusedError:
    """Return the refusal that answers an error, and log the error if the service caused it.

    Parameters
    ----------
    error : Exception
    logger : Logger
        Receives no message of an unexpected error: other libraries may quote the value at fault.
    """
    if isinstance(error, RequestRefusedError):
        return error
    if isinstance(error, BundleError):
        logger.error("The model can't be loaded", extra={"reason": str(error)})
        return RequestRefusedError(Problem.MODEL_UNAVAILABLE)
    logger.error(
        "Unexpected error",
        extra={"error": type(error).__name__, "frames": traceback.format_tb(error.__traceback__)},
    )
    return RequestRefusedError(Problem.INTERNAL)


def problem_response(refused: RequestRefusedError, path: str, request_id: str) -> Response[str]:
    """Return the answer to a refused request.

    Parameters
    ----------
    refused : RequestRefusedError
    path : str
        The request's; under `V2_PREFIX` the answer is that protocol's error object.
    request_id : str
        The request's id in the log.
    """
    content: dict[str, Any]
    if path == V2_PREFIX or path.startswith(f"{V2_PREFIX}/"):
        content_type, content = JSON, {"error": _sentence(refused)}
    else:
        content_type, content = PROBLEM, _problem(refused, request_id)
    status = refused.problem.status
    retry = _RETRY_LATER if status == HTTPStatus.SERVICE_UNAVAILABLE else {}
    return Response(
        status_code=status.value,
        content_type=content_type,
        body=json.dumps(content),
        headers=FIXED_HEADERS | retry | refused.headers,
    )


def _problem(refused: RequestRefusedError, request_id: str) -> dict[str, Any]:
    content: dict[str, Any] = {
        "type": f"urn:churn:problem:{refused.problem.kind}",
        "title": refused.problem.title,
        "status": refused.problem.status.value,
        "detail": refused.detail,
        "instance": request_id,
    }
    if refused.errors:
        content["errors"] = [
            {"loc": list(error.loc), "code": error.code} for error in refused.errors[:MAX_ERRORS]
        ]
        if len(refused.errors) > MAX_ERRORS:
            content["detail"] += f" These are the first {MAX_ERRORS} of {len(refused.errors):,}."
    return content


def _sentence(refused: RequestRefusedError) -> str:
    places = "; ".join(
        f"{'.'.join(map(str, error.loc)) or 'body'}: {error.code}" for error in refused.errors[:MAX_ERRORS]
    )
    return f"{refused.detail} ({places})" if places else refused.detail

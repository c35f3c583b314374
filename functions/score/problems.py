"""Errors as problem details (RFC 9457), and under the V2 protocol's paths as that protocol has them.

No answer and no log line holds a value of the request: values are customers' data.
"""

from __future__ import annotations

import json
import traceback
from typing import TYPE_CHECKING, Any, Final

from aws_lambda_powertools.event_handler import Response

from churn_core.errors import BundleError
from functions.score.errors import InternalError, ModelUnavailableError, RequestRefusedError
from functions.score.limits import MAX_ERRORS

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger

PROBLEM: Final = "application/problem+json"
JSON: Final = "application/json"
V2_PREFIX: Final = "/v2"

FIXED_HEADERS: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
"""Sent with every answer: scores are personal, and no answer is anything but what it says it is."""


def refusal(error: Exception, logger: Logger) -> RequestRefusedError:
    """Return what the caller is told of an error; what is our own fault is logged here.

    Parameters
    ----------
    error : Exception
    logger : Logger
        Told of errors that are ours, without their messages: those of other libraries may quote the
        value that they stumbled over.
    """
    if isinstance(error, RequestRefusedError):
        return error
    if isinstance(error, BundleError):
        logger.error("The model can't be used", extra={"reason": str(error)})
        return ModelUnavailableError()
    logger.error(
        "Unexpected error",
        extra={"error": type(error).__name__, "frames": traceback.format_tb(error.__traceback__)},
    )
    return InternalError()


def problem_response(refused: RequestRefusedError, path: str, request_id: str) -> Response[str]:
    """Return the answer to a refused request.

    Parameters
    ----------
    refused : RequestRefusedError
    path : str
        The request's; under `V2_PREFIX` the answer is that protocol's error object.
    request_id : str
        Under which the request is logged.
    """
    content: dict[str, Any]
    if path == V2_PREFIX or path.startswith(f"{V2_PREFIX}/"):
        content_type, content = JSON, {"error": _sentence(refused)}
    else:
        content_type, content = PROBLEM, _problem(refused, request_id)
    return Response(
        status_code=refused.status.value,
        content_type=content_type,
        body=json.dumps(content),
        headers=FIXED_HEADERS | refused.headers,
    )


def _problem(refused: RequestRefusedError, request_id: str) -> dict[str, Any]:
    content: dict[str, Any] = {
        "type": f"urn:churn:problem:{refused.kind}",
        "title": refused.title,
        "status": refused.status.value,
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

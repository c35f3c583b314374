"""Why a request is refused: one table of problems, and the codes of single faults.

No text here holds a value, a key or a path of a request: all of them may be customers' data.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from churn_core.errors import EXTRA_KEY_CODE, REJECT_CODES
from churn_core.scoring.records.strict_json import JSON_FAULTS
from functions.score.limits import MAX_BODY_BYTES, MAX_CUSTOMERS, MAX_HEADER_BYTES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FAULT_CODES: Final = (
    *REJECT_CODES,
    EXTRA_KEY_CODE,
    "not_allowed",
    "object_type",
    "list_type",
    "too_short",
)
"""Every code that `errors` of a problem may hold. Closed set."""


class Problem(Enum):
    """Every problem that the API answers with: status, last part of the type, title, detail."""

    BAD_EVENT = (400, "bad-event", "Not an API Gateway event", "Send an API Gateway (REST) proxy event.")
    BAD_ENCODING = (400, "bad-encoding", "Not UTF-8", JSON_FAULTS["bad-encoding"])
    DUPLICATE_KEY = (400, "duplicate-key", "Duplicate key", JSON_FAULTS["duplicate-key"])
    MALFORMED_JSON = (400, "malformed-json", "Malformed JSON", JSON_FAULTS["malformed-json"])
    TOO_DEEP = (400, "too-deep", "Too deeply nested", JSON_FAULTS["too-deep"])
    INFERENCE_REQUEST = (400, "inference-request", "Invalid inference request", "See GET /openapi.json.")
    NOT_FOUND = (404, "not-found", "Not found", "No such path; GET /openapi.json lists all paths.")
    METHOD_NOT_ALLOWED = (405, "method-not-allowed", "Method not allowed", "See the header Allow.")
    PAYLOAD_TOO_LARGE = (
        413,
        "payload-too-large",
        "Payload too large",
        f"The body exceeds {MAX_BODY_BYTES:,} bytes; send fewer customers in one request.",
    )
    TOO_MANY_ROWS = (
        413,
        "too-many-rows",
        "Too many customers",
        f"Send at most {MAX_CUSTOMERS:,} customers in one request, or use a batch file.",
    )
    UNSUPPORTED_MEDIA_TYPE = (
        415,
        "unsupported-media-type",
        "Unsupported media type",
        "Send the header 'Content-Type: application/json', and do not compress the body.",
    )
    VALIDATION = (
        422,
        "validation",
        "Invalid request",
        "The request does not fit the model's data contract; fix the places listed in errors.",
    )
    HEADERS_TOO_LARGE = (
        431,
        "headers-too-large",
        "Headers too large",
        f"The headers exceed {MAX_HEADER_BYTES:,} bytes; send fewer or shorter headers.",
    )
    INTERNAL = (500, "internal", "Internal error", "The service failed; its log has the id in instance.")
    MODEL_UNAVAILABLE = (503, "model-unavailable", "Model unavailable", "No model is loaded; retry later.")
    TIMEOUT = (503, "timeout", "Out of time", "Too little time was left; send the request again.")

    def __init__(self, status: int, kind: str, title: str, detail: str) -> None:
        self.status = HTTPStatus(status)
        self.kind = kind
        self.title = title
        self.detail = detail


@dataclass(frozen=True, slots=True)
class FieldError:
    """One place of the request that is refused.

    Attributes
    ----------
    loc : tuple of str or int
        Keys and positions from the body's root. A key that the contract does not know is given by its
        position, since it may itself be a customer's data.
    code : str
        One of `FAULT_CODES`.
    """

    loc: tuple[str | int, ...]
    code: str


class RequestRefusedError(Exception):
    """The request is answered with a problem instead of scores.

    Parameters
    ----------
    problem : Problem
    errors : sequence of FieldError
        Places at fault; empty where the request is refused as a whole.
    headers : mapping
        Sent with the answer.
    detail : str, optional
        Replaces the problem's own.
    """

    def __init__(
        self,
        problem: Problem,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
        detail: str | None = None,
    ) -> None:
        super().__init__(problem.kind)
        self.problem = problem
        self.errors = errors
        self.headers = dict(headers or {})
        self.detail = detail or problem.detail


def invalid(*errors: FieldError) -> RequestRefusedError:
    """Return the refusal of a request with faults at these places."""
    return RequestRefusedError(Problem.VALIDATION, errors)

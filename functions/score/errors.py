"""Why a request is not answered with scores: one class each, with its status and its sentence.

No sentence holds a value, a key or a path of the request: all of them may be customers' data.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, ClassVar, Final

from functions.score.limits import (
    MAX_BODY_BYTES,
    MAX_CUSTOMERS,
    MAX_HEADER_BYTES,
    MAX_JSON_DEPTH,
    MAX_NUMBER_LENGTH,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

_RETRY_LATER: Final = {"Retry-After": "5"}


@dataclass(frozen=True, slots=True)
class FieldError:
    """One place of the request that is refused.

    Attributes
    ----------
    loc : tuple of str or int
        Keys and positions from the body's root; a key that the contract does not know is given by its
        position, since it may itself be a customer's data.
    code : str
        One of `churn_core.errors.REJECT_CODES`, or ``extra_forbidden``, ``too_short``, ``list_type``,
        ``object_type``, ``not_allowed``.
    """

    loc: tuple[str | int, ...]
    code: str


class RequestRefusedError(Exception):
    """Base of everything that ends in a problem instead of an answer.

    Attributes
    ----------
    status : HTTPStatus
    kind, title : str
        Last part of the problem's type, and what it says in words.
    detail : str
        One sentence with the mend.
    headers : dict
        To be sent along.
    errors : tuple of FieldError
        Places at fault; empty where the request is refused as a whole.
    """

    status: ClassVar[HTTPStatus]
    kind: ClassVar[str]
    title: ClassVar[str]
    detail: str
    headers: dict[str, str]

    def __init__(self, errors: tuple[FieldError, ...] = (), headers: Mapping[str, str] | None = None) -> None:
        super().__init__(self.kind)
        self.errors = errors
        self.headers = dict(headers or {})


class BadEventError(RequestRefusedError):
    """The function was called by something else than API Gateway."""

    status = HTTPStatus.BAD_REQUEST
    kind = "bad-event"
    title = "Not an API Gateway event"
    detail = "This function answers API Gateway (REST) proxy events; send it one."


class MalformedJsonError(RequestRefusedError):
    """The body is no JSON."""

    status = HTTPStatus.BAD_REQUEST
    kind = "malformed-json"
    title = "Malformed JSON"
    detail = f"Send one JSON value as RFC 8259 has it, its numbers of at most {MAX_NUMBER_LENGTH} characters."


class DuplicateKeyError(RequestRefusedError):
    """An object names a key twice, so that it is open which value is meant."""

    status = HTTPStatus.BAD_REQUEST
    kind = "duplicate-key"
    title = "Duplicate key"
    detail = "An object in the body names a key twice; leave one of them out."


class TooDeepError(RequestRefusedError):
    """The body nests further than any request needs."""

    status = HTTPStatus.BAD_REQUEST
    kind = "too-deep"
    title = "Too deeply nested"
    detail = f"The body nests deeper than {MAX_JSON_DEPTH} levels; send customers as flat objects."


class BadEncodingError(RequestRefusedError):
    """The body is not UTF-8, or not the base64 that it claims to be."""

    status = HTTPStatus.BAD_REQUEST
    kind = "bad-encoding"
    title = "Not UTF-8"
    detail = "Send the body in UTF-8 without a byte order mark."


class NotFoundError(RequestRefusedError):
    """There is no such path."""

    status = HTTPStatus.NOT_FOUND
    kind = "not-found"
    title = "Not found"
    detail = "There is no such path; GET /openapi.json lists what there is."


class MethodNotAllowedError(RequestRefusedError):
    """The path exists, but not for this method."""

    status = HTTPStatus.METHOD_NOT_ALLOWED
    kind = "method-not-allowed"
    title = "Method not allowed"
    detail = "This path takes the methods that the header Allow names."


class PayloadTooLargeError(RequestRefusedError):
    """The body is larger than the limit."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    kind = "payload-too-large"
    title = "Payload too large"
    detail = f"The body exceeds {MAX_BODY_BYTES:,} bytes; send fewer customers at a time."


class TooManyRowsError(RequestRefusedError):
    """More customers than one request may hold."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    kind = "too-many-rows"
    title = "Too many customers"
    detail = f"A request takes at most {MAX_CUSTOMERS:,} customers; send them in parts, or as a batch file."


class UnsupportedMediaTypeError(RequestRefusedError):
    """The body is, or claims to be, something else than plain JSON."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    kind = "unsupported-media-type"
    title = "Unsupported media type"
    detail = "Send the header 'Content-Type: application/json' and the body uncompressed."


class ValidationError(RequestRefusedError):
    """The body is JSON, but does not fit the model's data contract."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    kind = "validation"
    title = "Invalid request"
    detail = "The request does not fit the model's data contract; mend the places named in errors."


class HeadersTooLargeError(RequestRefusedError):
    """The headers are larger than the limit."""

    status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
    kind = "headers-too-large"
    title = "Headers too large"
    detail = f"The headers exceed {MAX_HEADER_BYTES:,} bytes; send fewer or shorter ones."


class InternalError(RequestRefusedError):
    """A defect of ours."""

    status = HTTPStatus.INTERNAL_SERVER_ERROR
    kind = "internal"
    title = "Internal error"
    detail = "The request failed on our side; it was logged under the id in instance."


class ModelUnavailableError(RequestRefusedError):
    """The model bundle can't be loaded."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    kind = "model-unavailable"
    title = "Model unavailable"
    detail = "No model can be used at present; try again later."

    def __init__(self) -> None:
        super().__init__(headers=_RETRY_LATER)


class DeadlineError(RequestRefusedError):
    """Too little of the function's time is left to score."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    kind = "timeout"
    title = "Out of time"
    detail = "Too little time was left to score this request; send it again."

    def __init__(self) -> None:
        super().__init__(headers=_RETRY_LATER)

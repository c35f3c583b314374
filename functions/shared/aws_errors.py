"""Errors of boto3, as outcomes and sentences.

boto3 is not imported here: the operators' commands use this module and must start without it.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, TypeVar

from functions.shared.outcomes import NotScoredError, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

# The answer to a HEAD request has no body, so its code is the HTTP status.
ABSENT: Final = ("NoSuchKey", "NoSuchVersion", "404", "MethodNotAllowed", "405")
CONDITION_FAILED: Final = ("PreconditionFailed", "412")
CONFLICT: Final = ("ConditionalRequestConflict", "409")

_GONE: Final = (Outcome.GONE, "The object or its version was deleted; upload it again to have it scored.")
_SUPERSEDED: Final = (Outcome.SUPERSEDED, "The object was overwritten; the new content has its own event.")
INPUT_FAULTS: Final = {
    **dict.fromkeys(ABSENT, _GONE),
    **dict.fromkeys(CONDITION_FAILED, _SUPERSEDED),
    "InvalidObjectState": (Outcome.ARCHIVED, "The object is archived; restore it and upload it again."),
}
"""Outcome and message when an input can't be read, by AWS's error code."""

_ATTEMPTS: Final = 4
_DENIED: Final = 403
_BOTOCORE_ERROR: Final = "botocore.exceptions.BotoCoreError"
_Answer = TypeVar("_Answer")


def error_code(error: BaseException | None) -> str | None:
    """Return the code in AWS's answer to a request; None if the error is not such an answer."""
    response = getattr(error, "response", None)
    return None if response is None else str(response["Error"]["Code"])


def _status(error: Exception) -> int | None:
    """Return the HTTP status of AWS's answer, which not every answer has."""
    response = getattr(error, "response", None) or {}
    status: int | None = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    return status


def error_summary(error: Exception) -> str | None:
    """Say which error boto3 raised; None for an error of another library, or wrong arguments (a bug).

    AWS's own message is left out, because it may contain the object's key.
    """
    code = error_code(error)
    if code is not None:
        return f"AWS answered {code} to {getattr(error, 'operation_name', 'a request')}"
    bases = {f"{base.__module__}.{base.__name__}" for base in type(error).__mro__}
    if _BOTOCORE_ERROR in bases and type(error).__name__ != "ParamValidationError":
        return f"The connection to AWS failed ({type(error).__name__})"
    return None


@contextmanager
def typed_faults(
    faults: Mapping[str, tuple[Outcome, str]], lost_connection: Outcome = Outcome.STORAGE_UNAVAILABLE
) -> Iterator[None]:
    """Turn boto3's errors into `NotScoredError`.

    Parameters
    ----------
    faults : mapping
        Outcome and message by AWS's error code; other codes are ``access-denied`` (403) or
        ``storage-unavailable``.
    lost_connection : Outcome
        For connections that fail, time out, or deliver a body that does not match its checksum.
    """
    try:
        yield
    except Exception as error:
        code, summary = error_code(error), error_summary(error)
        if summary is None:
            raise
        if code is None:
            raise NotScoredError(lost_connection, f"{summary}.") from error
        if code in faults:
            raise NotScoredError(*faults[code]) from error
        outcome = Outcome.ACCESS_DENIED if _status(error) == _DENIED else Outcome.STORAGE_UNAVAILABLE
        raise NotScoredError(outcome, f"{summary}.") from error


def answered_code(fault: NotScoredError) -> str | None:
    """Return the code of the answer by AWS that caused a fault; None if something else caused it."""
    return error_code(fault.__cause__)


def retry_conflicts(put: Callable[[], _Answer], wait: Callable[[float], None] = time.sleep) -> _Answer:
    """Write an object; repeat the request while another upload to the same key is in progress.

    Parameters
    ----------
    put : callable
        Sends the request; called four times at most.
    wait : callable
        Waits for a number of seconds.
    """
    for attempt in range(_ATTEMPTS - 1):
        try:
            return put()
        except Exception as error:
            # S3 asks clients to upload again after this code.
            if error_code(error) not in CONFLICT:
                raise
        wait(0.1 * 2**attempt)
    return put()

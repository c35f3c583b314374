"""Errors of boto3 as outcomes, and the retry of conditional writes."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError, FlexibleChecksumError, ParamValidationError

from functions.shared.aws_errors import INPUT_FAULTS, answered_code, retry_conflicts, typed_faults
from functions.shared.outcomes import NotScoredError, Outcome


def answer(code: str, status: int = 400) -> ClientError:
    return ClientError(
        {"Error": {"Code": code, "Message": "key"}, "ResponseMetadata": {"HTTPStatusCode": status}},
        "PutObject",
    )


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (answer("NoSuchKey", 404), Outcome.GONE),
        (answer("405", 405), Outcome.GONE),
        (answer("412", 412), Outcome.SUPERSEDED),
        (answer("InvalidObjectState", 403), Outcome.ARCHIVED),
        (answer("AccessDenied", 403), Outcome.ACCESS_DENIED),
        (answer("SlowDown", 503), Outcome.STORAGE_UNAVAILABLE),
        (FlexibleChecksumError(error_msg="x"), Outcome.DAMAGED_TRANSFER),
    ],
)
def test_each_error_of_aws_is_an_outcome(error: Exception, outcome: Outcome) -> None:
    with pytest.raises(NotScoredError) as fault, typed_faults(INPUT_FAULTS, Outcome.DAMAGED_TRANSFER):
        raise error
    assert fault.value.outcome is outcome


def test_wrong_arguments_are_a_bug_and_no_outcome() -> None:
    with pytest.raises(ParamValidationError), typed_faults({}):
        raise ParamValidationError(report="x")


def test_the_code_of_an_answer_is_kept_with_the_fault() -> None:
    with pytest.raises(NotScoredError) as fault, typed_faults({}):
        raise answer("PreconditionFailed", 412)
    assert answered_code(fault.value) == "PreconditionFailed"
    assert answered_code(NotScoredError(Outcome.DEADLINE, "x")) is None


def failing(*errors: Exception | None) -> tuple[list[int], list[float], object]:
    """Retry a write whose attempts fail so; return its attempts, its waits and its result or error."""
    calls: list[int] = []
    waits: list[float] = []

    def put() -> str:
        error = errors[len(calls)]
        calls.append(len(calls))
        if error is not None:
            raise error
        return "written"

    try:
        result: object = retry_conflicts(put, waits.append)
    except ClientError as error:
        result = error.response["Error"]["Code"]
    return calls, waits, result


def test_a_write_is_repeated_after_conflicts_with_longer_and_longer_waits() -> None:
    conflict = answer("ConditionalRequestConflict", 409)
    assert failing(conflict, conflict, None) == ([0, 1, 2], [0.1, 0.2], "written")


def test_a_write_is_given_up_after_four_conflicts() -> None:
    calls, waits, code = failing(*[answer("ConditionalRequestConflict", 409)] * 5)
    assert (len(calls), len(waits), code) == (4, 3, "ConditionalRequestConflict")


def test_other_errors_are_not_repeated() -> None:
    assert failing(answer("PreconditionFailed", 412))[0] == [0]

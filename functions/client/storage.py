"""AWS clients for the commands; boto3 is an optional dependency and is imported only when a command runs."""

from __future__ import annotations

import argparse
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from churn_core.errors import ChurnError
from functions.shared.aws_errors import error_code, error_summary

if TYPE_CHECKING:
    from collections.abc import Iterator


_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_STACK: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,127}")
_LONGEST_KEY: Final = 1_024


class AwsError(ChurnError):
    """AWS can't be reached, or refuses a request."""


def aws_client(service: str, timeout_seconds: int | None = None) -> Any:
    """Return boto3's client of a service.

    Parameters
    ----------
    service : str
    timeout_seconds : int, optional
        Wait this long for an answer, and do not retry; by default boto3's own timeout and retries.

    Raises
    ------
    AwsError
        If boto3 is not installed.
    """
    try:
        from functions.shared.storage import create_client
    except ModuleNotFoundError as error:
        if error.name not in ("boto3", "botocore"):
            raise
        raise AwsError(
            "This command needs boto3; install it with 'make setup-dev' in a clone of the repository, or with"
            " 'pip install churn-stack[aws]'."
        ) from None
    if timeout_seconds is None:
        return create_client(service)
    return create_client(service, read_timeout=timeout_seconds, retries={"total_max_attempts": 1})


@contextmanager
def typed_aws_errors() -> Iterator[None]:
    """Turn boto3's errors into `AwsError`."""
    try:
        yield
    except Exception as error:
        summary = error_summary(error)
        if summary is None:
            raise
        advice = (
            "the names of the bucket and of the stack, and the permissions of your AWS identity"
            if error_code(error)
            else "your AWS credentials, the region and the network"
        )
        raise AwsError(f"{summary}; check {advice}.") from error


def bucket_name(text: str) -> str:
    """Read the name of a bucket from the command line."""
    if not _BUCKET.fullmatch(text):
        raise argparse.ArgumentTypeError("must be 3 to 63 of a-z, 0-9, '.' and '-'")
    return text


def stack_name(text: str) -> str:
    """Read the name of a stack from the command line."""
    if not _STACK.fullmatch(text):
        raise argparse.ArgumentTypeError("must be a letter and at most 127 letters, digits and '-'")
    return text


def split_address(address: str) -> tuple[str, str]:
    """Return bucket and key of ``s3://bucket/key``; both are empty if there can be no such object.

    Without these checks boto3 fails with errors of its own, or sends the request to another place.
    """
    bucket, _, key = address.removeprefix("s3://").partition("/")
    if not address.startswith("s3://") or not _BUCKET.fullmatch(bucket):
        return "", ""
    try:
        fits = len(key.encode()) <= _LONGEST_KEY
    except UnicodeEncodeError:
        fits = False
    return (bucket, key) if fits else ("", "")

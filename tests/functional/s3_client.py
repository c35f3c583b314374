"""A client of S3 for the commands of one test, against S3 over HTTP."""

from __future__ import annotations

import urllib.request
from typing import TYPE_CHECKING, Any

import boto3

if TYPE_CHECKING:
    import pytest


def empty_s3(endpoint: str, monkeypatch: pytest.MonkeyPatch, region: str) -> Any:
    """Delete everything at `endpoint`; return a client of it, with the settings of the commands."""
    variables = {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": region,
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    urllib.request.urlopen(f"{endpoint}/moto-api/reset", data=b"").close()
    # A session keeps the settings of an earlier test.
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    return boto3.client("s3")

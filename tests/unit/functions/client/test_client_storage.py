"""AWS clients of the commands: boto3 is optional, and its errors become one sentence."""

from __future__ import annotations

import sys

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ParamValidationError

from functions.client.storage import AwsError, aws_client, split_address, typed_aws_errors


def test_a_missing_boto3_is_one_sentence_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(sys.modules, "functions.shared.storage", raising=False)
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(AwsError, match=r"pip install churn-stack\[aws\]"):
        aws_client("s3")


@pytest.mark.parametrize(
    ("error", "facts"),
    [
        (
            ClientError({"Error": {"Code": "NoSuchBucket", "Message": "my-key"}}, "HeadObject"),
            "NoSuchBucket to HeadObject",
        ),
        (EndpointConnectionError(endpoint_url="https://s3"), "EndpointConnectionError"),
    ],
)
def test_an_error_of_boto3_is_one_sentence_without_awss_own_message(error: Exception, facts: str) -> None:
    with pytest.raises(AwsError, match=facts) as found, typed_aws_errors():
        raise error
    assert "my-key" not in str(found.value)


@pytest.mark.parametrize("error", [ValueError("x"), ParamValidationError(report="x"), AwsError("x")])
def test_bugs_and_other_errors_pass_unchanged(error: Exception) -> None:
    with pytest.raises(type(error)) as found, typed_aws_errors():
        raise error
    assert found.value is error


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("s3://bucket/a/b.parquet", ("bucket", "a/b.parquet")),
        ("s3://bucket/", ("bucket", "")),
        ("s3://bucket", ("bucket", "")),
        ("s3:///key", ("", "")),
        ("bucket/key", ("", "")),
    ],
)
def test_an_address_is_split_into_bucket_and_key(address: str, parts: tuple[str, str]) -> None:
    assert split_address(address) == parts

"""Names of buckets, keys and stacks that can't exist are refused before any request."""

from __future__ import annotations

import argparse

import pytest

from functions.client.model_store import ModelStoreError, model_folder, parse_folder
from functions.client.storage import bucket_name, split_address, stack_name

BUCKETS = [
    *("", "B", "ab", "x" * 64, "-ab", "a_b", "a b", "a\nb", "a?x=y", "😀😀😀", ".."),
    *("arn:aws:s3:eu-west-1:1:x", "\udcff"),
]
PREFIXES = ["..", "a/../b", "./a", "a\nb", "a\0", "\x1b[31m", "\udcff", "x" * 2_000]


@pytest.mark.parametrize("bucket", BUCKETS)
def test_a_bucket_that_can_not_exist_is_refused(bucket: str) -> None:
    assert split_address(f"s3://{bucket}/key") == ("", "")
    with pytest.raises(argparse.ArgumentTypeError):
        bucket_name(bucket)
    with pytest.raises(ModelStoreError):
        model_folder(f"s3://{bucket}/", "churn", "0" * 64)


@pytest.mark.parametrize("prefix", PREFIXES)
def test_a_prefix_that_tools_read_differently_is_refused(prefix: str) -> None:
    with pytest.raises(ModelStoreError):
        model_folder(f"s3://bucket/{prefix}", "churn", "0" * 64)
    with pytest.raises(ModelStoreError):
        parse_folder(f"s3://bucket/{prefix}/models/churn/{'0' * 12}/")


@pytest.mark.parametrize("key", ["a/../b", "a\nb", "é 😀", "+%2F", "x" * 1_024])
def test_an_input_may_have_any_key_that_s3_allows(key: str) -> None:
    assert split_address(f"s3://bucket/{key}") == ("bucket", key)


@pytest.mark.parametrize("name", ["", "1a", "-", "a_b", "a/b", "a\n", "x" * 129, "é"])
def test_a_stack_that_can_not_exist_is_refused(name: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        stack_name(name)

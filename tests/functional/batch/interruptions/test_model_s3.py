"""The S3 in memory gives the same answers as moto, for any sequence of calls."""

from __future__ import annotations

import uuid
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.functional.batch.interruptions.model_s3 import ModelS3
from tests.proof_figures import cases

KEYS = st.sampled_from(["a", "b"])
STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.just("put"), KEYS, st.binary(max_size=3), st.sampled_from(["", "none-match", "match", "stale"])
        ),
        st.tuples(
            st.sampled_from(["head", "get"]),
            KEYS,
            st.integers(0, 5),
            st.sampled_from(["", "version", "match", "stale"]),
        ),
        st.tuples(st.just("end"), KEYS, st.integers(1, 4), st.sampled_from(["", "version"])),
        st.tuples(st.just("list"), st.sampled_from(["", "a", "c"]), st.just(0), st.just("")),
        st.tuples(st.just("delete"), KEYS, st.integers(0, 5), st.sampled_from(["", "version"])),
    ),
    max_size=12,
)


class Driver:
    """Takes a step with one of the two, and returns its result."""

    def __init__(self, client: Any, bucket: str) -> None:
        self._client = client
        self._bucket = bucket
        self._versions: dict[str, list[str]] = {"a": [], "b": []}
        self._etags: dict[str, str] = {}

    def take(self, step: tuple[Any, ...]) -> Any:
        name, key, detail, how = step
        try:
            return getattr(self, f"_{name}")(key, detail, how)
        except ClientError as error:
            return error.response["ResponseMetadata"]["HTTPStatusCode"]

    def _put(self, key: str, body: bytes, how: str) -> Any:
        which = {
            "none-match": {"IfNoneMatch": "*"},
            "match": {"IfMatch": self._etags.get(key, '"none"')},
            "stale": {"IfMatch": '"stale"'},
        }.get(how, {})
        answer = self._client.put_object(
            Bucket=self._bucket, Key=key, Body=body, Metadata={"length": str(len(body))}, **which
        )
        self._versions[key].append(answer["VersionId"])
        self._etags[key] = answer["ETag"]
        return answer["ETag"]

    def _which(self, key: str, number: int, how: str) -> dict[str, str]:
        if how == "version":
            versions = self._versions[key]
            return {"VersionId": versions[number] if number < len(versions) else "00000000-none"}
        return {"match": {"IfMatch": self._etags.get(key, '"none"')}, "stale": {"IfMatch": '"stale"'}}.get(
            how, {}
        )

    def _head(self, key: str, number: int, how: str) -> Any:
        answer = self._client.head_object(Bucket=self._bucket, Key=key, **self._which(key, number, how))
        return answer["ContentLength"], answer["ETag"], answer["Metadata"]

    def _get(self, key: str, number: int, how: str) -> Any:
        answer = self._client.get_object(Bucket=self._bucket, Key=key, **self._which(key, number, how))
        return answer["Body"].read(), answer["ETag"], answer["Metadata"]

    def _end(self, key: str, size: int, how: str) -> Any:
        which = self._which(key, 0, how)
        answer = self._client.get_object(Bucket=self._bucket, Key=key, Range=f"bytes=-{size}", **which)
        return answer["Body"].read()

    def _list(self, prefix: str, _: int, __: str) -> Any:
        pages = self._client.get_paginator("list_object_versions").paginate(
            Bucket=self._bucket, Prefix=prefix
        )
        members = ("Key", "ETag", "Size", "IsLatest")
        return [
            tuple(found[name] for name in members) for page in pages for found in page.get("Versions", [])
        ]

    def _delete(self, key: str, number: int, how: str) -> Any:
        self._client.delete_object(Bucket=self._bucket, Key=key, **self._which(key, number, how))


@pytest.fixture(scope="module")
def moto(endpoint: str) -> Any:
    credentials = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    return boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1", **credentials)


@settings(
    max_examples=cases(40, "CHURN_MODEL_EXAMPLES"), deadline=None, suppress_health_check=list(HealthCheck)
)
@given(STEPS)
def test_every_step_has_the_same_result_as_on_moto(moto: Any, steps: list[tuple[Any, ...]]) -> None:
    bucket = f"model-{uuid.uuid4()}"
    moto.create_bucket(Bucket=bucket)
    moto.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    real, model = Driver(moto, bucket), Driver(ModelS3(), bucket)
    for step in steps:
        assert model.take(step) == real.take(step), step

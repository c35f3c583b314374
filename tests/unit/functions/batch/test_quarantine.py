"""What a record in quarantine says, and when it replaces an older one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from functions.batch.object_job import ObjectResult
from functions.batch.quarantine import Quarantine
from functions.shared.objects import REQUEUED, InputObject, StoredObject
from functions.shared.outcomes import NotScoredError, Outcome

SOURCE = InputObject("inputs", "incoming/a.parquet", "v", "e", 7)


class Bucket:
    """An output bucket in memory."""

    def __init__(self, content: dict[str, Any] | None = None, gone: bool = False) -> None:
        self.body = None if content is None else json.dumps(content).encode()
        self._gone = gone

    def create(self, bucket: str, key: str, body: bytes, kind: str) -> bool:
        if self.body is not None or self._gone:
            return False
        self.body = body
        return True

    def read(self, bucket: str, key: str) -> StoredObject | None:
        return None if self.body is None else StoredObject(self.body, "etag", {})

    def replace(self, bucket: str, key: str, body: bytes, kind: str, etag: str) -> None:
        assert etag == "etag"
        self.body = body


def record_of(result: ObjectResult, bucket: Bucket) -> dict[str, Any]:
    """Write a record for message ``m``; return what the bucket holds afterwards."""
    key = Quarantine(bucket, "outputs", "d").write(result, "m")  # type: ignore[arg-type]
    assert key.startswith("quarantine/")
    assert bucket.body is not None
    record: dict[str, Any] = json.loads(bucket.body)
    return record


def test_the_record_of_an_object_names_its_version_its_fault_and_the_model() -> None:
    result = ObjectResult(Outcome.SCHEMA, SOURCE, message="Add the column.", stage="score")
    assert record_of(result, Bucket()) == {
        "code": "schema",
        "stage": "score",
        "detail": "Add the column.",
        "message_id": None,
        "bucket": "inputs",
        "key": "incoming/a.parquet",
        "versionId": "v",
        "etag": "e",
        "size": 7,
        "model_digest": "d",
    }


def test_the_size_is_the_one_that_s3_answered_if_it_did() -> None:
    """An event may be wrong about the size."""
    result = ObjectResult(Outcome.SCHEMA, SOURCE, input_bytes=1_000)
    assert record_of(result, Bucket())["size"] == 1_000


def test_the_record_of_a_message_that_names_no_object_has_its_id() -> None:
    record = record_of(ObjectResult(Outcome.BAD_MESSAGE, None), Bucket())
    assert record["message_id"] == "m"
    assert [record[name] for name in ("bucket", "key", "versionId", "etag", "size")] == [None] * 5


@pytest.mark.parametrize(
    ("older", "replaced"),
    [
        ({"code": "corrupt", "model_digest": "d"}, False),
        ({"code": "corrupt", "model_digest": "d", REQUEUED: 1}, True),
        ({"code": "corrupt", "model_digest": "another"}, True),
        ({"code": "corrupt"}, True),
        ({"code": "corrupt", "model_digest": "another", REQUEUED: 1}, True),
    ],
)
def test_a_record_is_replaced_if_its_input_was_queued_again_or_another_model_wrote_it(
    older: dict[str, Any], replaced: bool
) -> None:
    whole = record_of(ObjectResult(Outcome.SCHEMA, SOURCE), Bucket())
    del whole["model_digest"]
    record = record_of(ObjectResult(Outcome.SCHEMA, SOURCE), Bucket(whole | older))
    assert record["code"] == ("schema" if replaced else "corrupt")


def test_other_content_under_the_key_of_a_record_is_replaced() -> None:
    bucket = Bucket({"code": "corrupt", "model_digest": "d"})
    assert record_of(ObjectResult(Outcome.SCHEMA, SOURCE), bucket)["code"] == "schema"


def test_a_record_that_is_removed_meanwhile_is_a_conflict() -> None:
    quarantine = Quarantine(Bucket(gone=True), "outputs", "d")  # type: ignore[arg-type]
    with pytest.raises(NotScoredError) as caught:
        quarantine.write(ObjectResult(Outcome.SCHEMA, SOURCE), "m")
    assert caught.value.outcome is Outcome.COMMIT_CONFLICT

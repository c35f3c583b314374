"""Quarantine records: one JSON object for each input or message that can't be scored."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from functions.shared.objects import JSON, REQUEUED, message_record_key, object_record_key, parse_record
from functions.shared.outcomes import NotScoredError, Outcome

if TYPE_CHECKING:
    from functions.batch.object_job import ObjectResult
    from functions.shared.storage import Storage


class Quarantine:
    """Writes the records.

    Parameters
    ----------
    storage : Storage
    bucket : str
        The output bucket.
    model_digest : str
        The model of this function.
    """

    def __init__(self, storage: Storage, bucket: str, model_digest: str) -> None:
        self._storage = storage
        self._bucket = bucket
        self._model_digest = model_digest

    def write(self, result: ObjectResult, message_id: str) -> str:
        """Write the record of a fault, unless there is one; return its key.

        An existing record is replaced if its input was queued again, or if another model wrote it.

        Raises
        ------
        NotScoredError
            If the record can't be written; the message must then be delivered again.
        """
        source = result.source
        key = message_record_key(message_id) if source is None else object_record_key(source)
        content: dict[str, Any] = {
            "code": result.outcome,
            "stage": result.stage,
            "detail": result.message,
            "message_id": message_id if source is None else None,
            "bucket": None if source is None else source.bucket,
            "key": None if source is None else source.key,
            "versionId": None if source is None else source.version_id,
            "etag": None if source is None else source.etag,
            "size": None if source is None else (result.input_bytes or source.size),
            "model_digest": self._model_digest,
        }
        encoded = json.dumps(content).encode()
        if not self._storage.create(self._bucket, key, encoded, JSON):
            self._replace_outdated(key, encoded)
        return key

    def _replace_outdated(self, key: str, encoded: bytes) -> None:
        found = self._storage.read(self._bucket, key)
        if found is None:
            raise NotScoredError(
                Outcome.COMMIT_CONFLICT,
                "The record was removed at the same time; the message is tried again.",
            )
        record = parse_record(found.content)
        if REQUEUED in record or record.get("model_digest") != self._model_digest:
            self._storage.replace(self._bucket, key, encoded, JSON, found.etag)

"""Records of what can't be scored: one object of JSON for each input or message."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from functions.shared.records import JSON, REQUEUED, message_record_key, object_record_key

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
        The model that met the input.
    """

    def __init__(self, storage: Storage, bucket: str, model_digest: str) -> None:
        self._storage = storage
        self._bucket = bucket
        self._model_digest = model_digest

    def write(self, result: ObjectResult, message_id: str) -> str:
        """Write the record of a fault, unless there is one; return its key.

        A record whose input was queued again is no longer one of a fault, and one by another model says
        nothing of this one: both are replaced.

        Raises
        ------
        NotScoredError
            If the record can't be written; without it the message must not be given up.
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
            self._renew(key, encoded)
        return key

    def _renew(self, key: str, encoded: bytes) -> None:
        before, etag = self._storage.read_small(self._bucket, key)
        record = json.loads(before)
        if REQUEUED in record or record["model_digest"] != self._model_digest:
            self._storage.replace(self._bucket, key, encoded, JSON, etag)

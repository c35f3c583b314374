"""One object in, one object out: the scores, or the reason why there are none."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from churn_core.errors import InputFileError
from churn_core.scoring.batch import BatchResult, BatchSettings, score_file
from functions.batch.storage import create_object, download

if TYPE_CHECKING:
    from churn_core.scoring.predictor import ChurnPredictor
    from functions.batch.events import InputObject
    from functions.batch.settings import FunctionSettings
    from functions.batch.storage import S3Client


@dataclass(frozen=True, slots=True)
class JobResult:
    """What became of one input.

    Attributes
    ----------
    outcome : {"scored", "quarantined"}
        Which of the two objects says it.
    output_key : str
        That object's key in the output bucket.
    created : bool
        False where an earlier delivery of the same input had written it.
    rows : BatchResult or None
        Counts of a scored file.
    code : str or None
        Why the file was quarantined.
    """

    outcome: Literal["scored", "quarantined"]
    output_key: str
    created: bool
    rows: BatchResult | None = None
    code: str | None = None


class ScoringJob:
    """Scores objects of the input bucket into the output bucket.

    Parameters
    ----------
    settings : FunctionSettings
        Buckets and limits.
    predictor : ChurnPredictor
        The model.
    client : S3Client
        Speaks to S3.
    """

    def __init__(self, settings: FunctionSettings, predictor: ChurnPredictor, client: S3Client) -> None:
        self._settings = settings
        self._predictor = predictor
        self._client = client

    def run(self, source: InputObject) -> JobResult:
        """Score one object; running it again for the same version changes nothing.

        Raises
        ------
        OutputError, StorageError, OSError
            If the attempt failed for a reason that is not the file's; a later one may succeed.
        """
        with tempfile.TemporaryDirectory(prefix="churn-") as name:
            work = Path(name)
            try:
                return self._score(source, work)
            except InputFileError as fault:
                return self._quarantine(source, fault.code, work)

    def _score(self, source: InputObject, work: Path) -> JobResult:
        if source.size > self._settings.max_object_bytes:
            raise InputFileError("too-large", "The object is larger than is read at once; write it as parts.")
        # The key is a stranger's text; the files here have names of our own.
        local, output = work / "in.parquet", work / "out.parquet"
        download(self._client, source, local)
        rows = score_file(
            local, output, self._predictor, BatchSettings(memory_limit_mb=self._settings.duckdb_memory_mb)
        )
        digest = self._predictor.bundle.model_digest
        key = f"scored/model={digest[:12]}/{source.input_id}.parquet"
        created = create_object(
            self._client, self._settings.output_bucket, key, output, "application/vnd.apache.parquet"
        )
        return JobResult("scored", key, created, rows=rows)

    def _quarantine(self, source: InputObject, code: str, work: Path) -> JobResult:
        record = work / "quarantine.json"
        content = {
            "code": code,
            "bucket": source.bucket,
            "key": source.key,
            "versionId": source.version_id,
            "etag": source.etag,
            "size": source.size,
            "model_digest": self._predictor.bundle.model_digest,
        }
        record.write_text(json.dumps(content), encoding="utf-8")
        key = f"quarantine/{source.input_id}.json"
        created = create_object(self._client, self._settings.output_bucket, key, record, "application/json")
        return JobResult("quarantined", key, created, code=code)

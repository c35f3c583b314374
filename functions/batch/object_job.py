"""Score one input object into one output object."""

from __future__ import annotations

import shutil
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, Protocol

from functions.batch.scoring_task import INPUT_FILE, OUTPUT_FILE
from functions.shared.aws_errors import INPUT_FAULTS
from functions.shared.objects import COUNTS, PARQUET, SHA256_METADATA, output_key
from functions.shared.outcomes import NotScoredError, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from functions.batch.scoring_task import ScoredFile
    from functions.batch.settings import BatchFunctionSettings
    from functions.shared.objects import Description, InputObject
    from functions.shared.storage import Storage

DEADLINE_RESERVE: Final = 20.0
"""Seconds of each invocation that are reserved for writing the output."""

Phase = Literal["Download", "Score", "Upload"]


class Scorer(Protocol):
    """Scores ``in.parquet`` of a folder into its ``out.parquet``; see `ScoringProcess`."""

    def score(self, folder: Path, metadata: Mapping[str, str], seconds: float) -> ScoredFile:
        """Score within a number of seconds."""


@dataclass(slots=True)
class ObjectResult:
    """The result of one object.

    Attributes
    ----------
    outcome : Outcome
    source : InputObject or None
        None if a message names no valid object.
    message : str
        One sentence about the fault; empty for a scored object.
    stage : str
        The last step that began: ``message``, ``find``, ``describe``, ``download``, ``score``, ``commit``,
        ``quarantine``, or ``job`` for an unexpected error.
    output_key : str or None
        Key of its scores, or of its quarantine record.
    file : ScoredFile or None
        Counts, if this attempt scored the file.
    input_bytes, output_bytes : int
    seconds : dict
        Wall time by phase.
    announcement_fault : str or None
        Why no event about the scores was sent, if that failed.
    """

    outcome: Outcome
    source: InputObject | None
    message: str = ""
    stage: str = "find"
    output_key: str | None = None
    file: ScoredFile | None = None
    input_bytes: int = 0
    output_bytes: int = 0
    seconds: dict[Phase, float] = field(default_factory=dict)
    announcement_fault: str | None = None


class ObjectJob:
    """Scores objects of the input bucket into the output bucket.

    An output's key is computed from the input's version and the model. An output is created whole or not
    at all, and never replaced. So repeated or simultaneous jobs for one object change nothing.

    Parameters
    ----------
    settings : BatchFunctionSettings
    storage : Storage
    scorer : Scorer
    model_digest, model_version : str
        From the model's bundle.
    """

    def __init__(
        self,
        settings: BatchFunctionSettings,
        storage: Storage,
        scorer: Scorer,
        model_digest: str,
        model_version: str,
    ) -> None:
        self._settings = settings
        self._storage = storage
        self._scorer = scorer
        self.model_digest = model_digest
        self._model_version = model_version

    def output_key(self, source: InputObject) -> str:
        """Return the key of an input's scores."""
        return output_key(source, self.model_digest)

    def run(self, source: InputObject, seconds_left: Callable[[], float]) -> ObjectResult:
        """Score one object.

        Parameters
        ----------
        source : InputObject
        seconds_left : callable
            Returns the seconds until the invocation ends.

        Returns
        -------
        ObjectResult
            ``scored``, ``already-scored``, ``divergent-output``, or a fault; after a fault nothing was
            written.
        """
        result = ObjectResult(Outcome.SCORED, source)
        work = self._new_folder()
        try:
            self._run(source, result, work, seconds_left)
            result.output_key = self.output_key(source)
        except NotScoredError as fault:
            result.outcome, result.message = fault.outcome, str(fault)
        finally:
            shutil.rmtree(work, ignore_errors=True)
        return result

    def _new_folder(self) -> Path:
        """Create a folder for this attempt, and delete the files of killed attempts."""
        root = self._settings.work_dir
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir(parents=True, exist_ok=True)
        return root / tempfile.mkdtemp(dir=root)

    def _run(
        self, source: InputObject, result: ObjectResult, work: Path, seconds_left: Callable[[], float]
    ) -> None:
        found = self._storage.describe_output(self._settings.output_bucket, self.output_key(source))
        if found is not None:
            # The attempt that wrote it may have died before it sent the event.
            self._announce(source, result, found.metadata)
            result.outcome = Outcome.ALREADY_SCORED
            return
        result.stage = "describe"
        described = self._storage.describe_input(source)
        result.input_bytes = described.size
        self._check_caps(described)
        result.stage = "download"
        with _measured(result, "Download"):
            digest = self._storage.download(
                source, work / INPUT_FILE, described.size, lambda: seconds_left() - DEADLINE_RESERVE
            )
        declared = described.metadata.get(SHA256_METADATA)
        if declared is not None and declared.strip().lower() != digest:
            raise NotScoredError(
                Outcome.CORRUPT,
                f"The object's content does not match its metadata {SHA256_METADATA}; upload it again.",
            )
        result.stage = "score"
        with _measured(result, "Score"):
            result.file = self._score(source, digest, work, seconds_left)
        result.stage = "commit"
        with _measured(result, "Upload"):
            self._commit(source, result, work / OUTPUT_FILE)

    def _check_caps(self, described: Description) -> None:
        if described.archived:
            raise NotScoredError(*INPUT_FAULTS["InvalidObjectState"])
        if described.size > self._settings.max_object_bytes:
            raise NotScoredError(
                Outcome.TOO_LARGE,
                f"The object exceeds {self._settings.max_object_bytes:,} bytes; write it as several parts.",
            )

    def _score(
        self, source: InputObject, digest: str, work: Path, seconds_left: Callable[[], float]
    ) -> ScoredFile:
        seconds = seconds_left() - DEADLINE_RESERVE
        if seconds <= 0:
            raise NotScoredError(Outcome.DEADLINE, "The download took too long; the message is tried again.")
        origin = {
            "churn.input.bucket": source.bucket,
            "churn.input.key": source.key,
            "churn.input.version": source.version_id or "",
            "churn.input.etag": source.etag,
            "churn.input.sha256": digest,
        }
        return self._scorer.score(work, origin, seconds)

    def _commit(self, source: InputObject, result: ObjectResult, output: Path) -> None:
        counts = {name: str(getattr(result.file, name)) for name in COUNTS}
        result.output_bytes = output.stat().st_size
        ours = self._storage.create(
            self._settings.output_bucket, self.output_key(source), output, PARQUET, counts
        )
        self._announce(source, result, counts)
        if not ours:
            result.outcome = Outcome.DIVERGENT_OUTPUT
            result.message = (
                "Another attempt wrote an output with different bytes first; that output is kept."
            )

    def _announce(self, source: InputObject, result: ObjectResult, counts: Mapping[str, str]) -> None:
        """Try to send an event about the scores; repeated attempts may send it twice.

        The output exists already, and S3's own event says so at least once. So a failure is reported, but it
        is no reason to deliver the message again: the next delivery may find another model.
        """
        try:
            rows = {name: int(counts[name]) for name in COUNTS}
        except (KeyError, ValueError):
            result.announcement_fault = "The output has no row counts in its metadata."
            return
        try:
            self._storage.announce(
                {
                    "input": {
                        "bucket": source.bucket,
                        "key": source.key,
                        "versionId": source.version_id,
                        "etag": source.etag,
                    },
                    "output": {"bucket": self._settings.output_bucket, "key": self.output_key(source)},
                    **rows,
                    "modelVersion": self._model_version,
                    "modelDigest": self.model_digest,
                }
            )
        except NotScoredError as fault:
            result.announcement_fault = str(fault)


@contextmanager
def _measured(result: ObjectResult, phase: Phase) -> Iterator[None]:
    start = time.monotonic()
    try:
        yield
    finally:
        result.seconds[phase] = time.monotonic() - start

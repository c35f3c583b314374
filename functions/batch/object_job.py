"""One object in, one object out: its scores, or the record that says why there are none."""

from __future__ import annotations

import shutil
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, Protocol

from functions.batch.scoring_task import INPUT_FILE, OUTPUT_FILE
from functions.shared.objects import COUNTS, PARQUET, output_key
from functions.shared.outcomes import NotScoredError, Outcome
from functions.shared.storage import SHA256_METADATA

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from functions.batch.scoring_task import ScoredFile
    from functions.batch.settings import BatchFunctionSettings
    from functions.shared.objects import InputObject
    from functions.shared.storage import Description, Storage

DEADLINE_RESERVE: Final = 20.0
"""Seconds of an invocation that are kept for writing the output."""


Phase = Literal["Download", "Score", "Upload"]


class Scorer(Protocol):
    """Scores ``in.parquet`` of a folder into its ``out.parquet``; `ScoringProcess` is the real one."""

    def score(self, folder: Path, metadata: Mapping[str, str], seconds: float) -> ScoredFile:
        """Score within so many seconds."""


@dataclass(slots=True)
class ObjectResult:
    """What became of one object.

    Attributes
    ----------
    outcome : Outcome
    source : InputObject or None
        None where a message names no object that may be scored.
    message : str
        One sentence about a fault; empty for a scored object.
    stage : str
        What was being done: ``message``, ``find``, ``describe``, ``download``, ``score`` or ``commit``.
    output_key : str or None
        Where its scores are, or the record that says why there are none.
    file : ScoredFile or None
        Counts of a file that this attempt scored.
    input_bytes, output_bytes : int
    seconds : dict
        Wall time by phase.
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


class ObjectJob:
    """Scores objects of the input bucket into the output bucket.

    An output's key follows from the input's version and the model, and an output is created whole or not
    at all and never replaced: running a job again, also at the same time, changes nothing.

    Parameters
    ----------
    settings : BatchFunctionSettings
    storage : Storage
    scorer : Scorer
    model_digest, model_version : str
        The model's, as its bundle says.
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
        """Return where an input's scores belong."""
        return output_key(source, self.model_digest)

    def run(self, source: InputObject, seconds_left: Callable[[], float]) -> ObjectResult:
        """Score one object.

        Parameters
        ----------
        source : InputObject
        seconds_left : callable
            Returns what is left of the invocation.

        Returns
        -------
        ObjectResult
            ``scored``, ``already-scored``, ``divergent-output``, or a fault, by which nothing was written.
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
        """Return a folder of this attempt alone; what a killed attempt has left goes away."""
        root = self._settings.work_dir
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir(parents=True, exist_ok=True)
        return root / tempfile.mkdtemp(dir=root)

    def _run(
        self, source: InputObject, result: ObjectResult, work: Path, seconds_left: Callable[[], float]
    ) -> None:
        found = self._storage.describe_output(self._settings.output_bucket, self.output_key(source))
        if found is not None:
            # Maybe the attempt that wrote it died before anybody was told.
            self._announce(source, found.metadata)
            result.outcome = Outcome.ALREADY_SCORED
            return
        result.stage = "describe"
        described = self._storage.describe_input(source)
        result.input_bytes = described.size
        self._check_caps(described)
        result.stage = "download"
        with _measured(result, "Download"):
            digest = self._storage.download(source, work / INPUT_FILE, described.size)
        declared = described.metadata.get(SHA256_METADATA)
        if declared is not None and declared.strip().lower() != digest:
            raise NotScoredError(
                Outcome.CORRUPT, f"The object's content does not have its {SHA256_METADATA}; write it again."
            )
        result.stage = "score"
        with _measured(result, "Score"):
            result.file = self._score(source, digest, work, seconds_left)
        result.stage = "commit"
        with _measured(result, "Upload"):
            self._commit(source, result, work / OUTPUT_FILE)

    def _check_caps(self, described: Description) -> None:
        if described.archived:
            raise NotScoredError(Outcome.ARCHIVED, "The object is archived; restore it and put it again.")
        if described.size > self._settings.max_object_bytes:
            raise NotScoredError(
                Outcome.TOO_LARGE, "The object is larger than is read at once; write it as parts."
            )

    def _score(
        self, source: InputObject, digest: str, work: Path, seconds_left: Callable[[], float]
    ) -> ScoredFile:
        seconds = seconds_left() - DEADLINE_RESERVE
        if seconds <= 0:
            raise NotScoredError(Outcome.DEADLINE, "The object took too long to read; it is tried again.")
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
        self._announce(source, counts)
        if not ours:
            result.outcome = Outcome.DIVERGENT_OUTPUT
            result.message = "Another attempt had written other bytes before; they stay."

    def _announce(self, source: InputObject, counts: Mapping[str, str]) -> None:
        """Tell that the scores are there; who listens may be told twice, for attempts may be repeated."""
        self._storage.announce(
            {
                "input": {
                    "bucket": source.bucket,
                    "key": source.key,
                    "versionId": source.version_id,
                    "etag": source.etag,
                },
                "output": {"bucket": self._settings.output_bucket, "key": self.output_key(source)},
                **{name: int(counts[name]) for name in COUNTS},
                "modelVersion": self._model_version,
                "modelDigest": self.model_digest,
            }
        )


@contextmanager
def _measured(result: ObjectResult, phase: Phase) -> Iterator[None]:
    start = time.monotonic()
    try:
        yield
    finally:
        result.seconds[phase] = time.monotonic() - start

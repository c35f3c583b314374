"""What a run scores: the parts below a prefix, each pinned to a version, under a name that follows from them.

The same listing and model give the same run: the same plan, byte for byte, and the same manifest.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

from functions.backfill.errors import (
    BadRequestError,
    EmptyPrefixError,
    RetryLaterError,
    TooManyPartsError,
    UnknownRunError,
)
from functions.backfill.settings import MAX_PARTS
from functions.shared.objects import INPUT_PREFIXES, INPUT_SUFFIX, part_of
from functions.shared.records import JSON

if TYPE_CHECKING:
    from functions.backfill.storage import BackfillStorage
    from functions.shared.objects import InputObject

RUNS_PREFIX: Final = "backfill/"
"""Where runs are in the output bucket."""
_ID_DIGITS: Final = 32


@dataclass(frozen=True, slots=True)
class Plan:
    """The parts of one run.

    Attributes
    ----------
    bucket, prefix : str
    model_digest : str
        Of the model that scores them.
    parts : tuple of InputObject
        By key.
    """

    bucket: str
    prefix: str
    model_digest: str
    parts: tuple[InputObject, ...]

    @property
    def content(self) -> bytes:
        """The plan as the state machine reads it: a JSON array, one part a line."""
        lines = (
            json.dumps(
                {
                    "bucket": part.bucket,
                    "key": part.key,
                    "version_id": part.version_id,
                    "etag": part.etag,
                    "size": part.size,
                }
            )
            for part in self.parts
        )
        return ("[\n" + ",\n".join(lines) + "\n]\n").encode()

    @property
    def run_id(self) -> str:
        """Name of the run."""
        told = "\0".join((self.bucket, self.prefix, self.model_digest, "")).encode()
        return hashlib.sha256(told + self.content).hexdigest()[:_ID_DIGITS]

    @property
    def key(self) -> str:
        """Where the plan belongs in the output bucket."""
        return plan_key(self.run_id)

    @property
    def manifest_key(self) -> str:
        """Where the manifest belongs, by which readers know that the run is complete."""
        return f"{RUNS_PREFIX}{self.run_id}/manifest.json"

    @property
    def size(self) -> int:
        """Size of all parts."""
        return sum(part.size for part in self.parts)

    @classmethod
    def read(cls, content: bytes, run_id: str, bucket: str, prefix: str, model_digest: str) -> Self:
        """Read a plan that was written before.

        Raises
        ------
        UnknownRunError
            If it is none, or not the one of this run.
        """
        try:
            parts = tuple(part_of(part) for part in json.loads(content))
        except (KeyError, TypeError, ValueError) as error:
            raise UnknownRunError(f"The plan of run {run_id} can't be read; start the run anew.") from error
        plan = cls(bucket, prefix, model_digest, parts)
        if plan.run_id != run_id:
            raise UnknownRunError(
                f"Run {run_id} was planned for another prefix or model; start a run of its own."
            )
        return plan


def plan_key(run_id: str) -> str:
    """Return where a run's plan is in the output bucket."""
    return f"{RUNS_PREFIX}{run_id}/plan.json"


def check_request(request: Any, input_bucket: str) -> tuple[str, str]:
    """Return bucket and prefix of a run's input.

    Raises
    ------
    BadRequestError
        If they are not below the input bucket's prefixes.
    """
    bucket, prefix = request.get("bucket", input_bucket), request.get("prefix")
    if bucket != input_bucket:
        raise BadRequestError("The prefix is in another bucket; put the parts into the stack's input bucket.")
    if not isinstance(prefix, str) or not prefix.startswith(INPUT_PREFIXES):
        raise BadRequestError(
            f"The prefix is none of inputs; give one that begins with {' or '.join(INPUT_PREFIXES)}."
        )
    return bucket, prefix


def make_plan(storage: BackfillStorage, bucket: str, prefix: str, model_digest: str) -> Plan:
    """List the prefix.

    Raises
    ------
    EmptyPrefixError, TooManyPartsError
    NotScoredError
        If S3 can't be asked.
    """
    parts = []
    for part in storage.parts(bucket, prefix):
        parts.append(part)
        if len(parts) > MAX_PARTS:
            raise TooManyPartsError(
                f"The prefix has more than {MAX_PARTS:,} parts; start runs over several longer prefixes."
            )
    if not parts:
        raise EmptyPrefixError(f"There is no object ...{INPUT_SUFFIX} below the prefix; check its name.")
    return Plan(bucket, prefix, model_digest, tuple(sorted(parts, key=lambda part: part.key)))


def write_plan(storage: BackfillStorage, output_bucket: str, plan: Plan) -> None:
    """Write a plan, unless it is there.

    Raises
    ------
    RetryLaterError
        If something else is at its place.
    NotScoredError
        If S3 can't be asked.
    """
    if not storage.create(output_bucket, plan.key, plan.content, JSON):
        raise RetryLaterError(f"Another plan is at {plan.key}; remove it, and start the run again.")


def read_plan(
    storage: BackfillStorage, output_bucket: str, run_id: str, place: tuple[str, str], model_digest: str
) -> Plan:
    """Return the plan of a run over a bucket and prefix, as it was written.

    Raises
    ------
    UnknownRunError
        If there is none.
    NotScoredError
        If S3 can't be asked.
    """
    content = storage.read(output_bucket, plan_key(run_id))
    if content is None:
        raise UnknownRunError(f"There is no plan of run {run_id}; start the run anew.")
    return Plan.read(content, run_id, *place, model_digest)

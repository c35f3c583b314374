"""The plan of a run: the parts below a prefix, each with its version.

The run's id is a hash of the plan and the model. So the same listing and model give the same run, with a
plan and a manifest of the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, Self

from functions.backfill.errors import (
    BadRequestError,
    EmptyPrefixError,
    RetryLaterError,
    TooManyPartsError,
    UnknownRunError,
)
from functions.backfill.settings import MAX_PARTS
from functions.shared.objects import INPUT_PREFIXES, INPUT_SUFFIX, JSON, InputObject, is_key

if TYPE_CHECKING:
    from functions.backfill.storage import BackfillStorage

RUNS_PREFIX: Final = "backfill/"
"""Prefix of plans and manifests in the output bucket."""
_ID_DIGITS: Final = 32
_RUN_ID: Final = re.compile(rf"[0-9a-f]{{{_ID_DIGITS}}}")


@dataclass(frozen=True, slots=True)
class Plan:
    """The parts of one run.

    Attributes
    ----------
    bucket, prefix : str
    model_digest : str
        The model that scores the parts.
    parts : tuple of InputObject
        Sorted by key.
    """

    bucket: str
    prefix: str
    model_digest: str
    parts: tuple[InputObject, ...]

    @property
    def content(self) -> bytes:
        """The plan in the format that the state machine reads: a JSON array, one part per line."""
        lines = (json.dumps(asdict(part)) for part in self.parts)
        return ("[\n" + ",\n".join(lines) + "\n]\n").encode()

    @property
    def run_id(self) -> str:
        """Identifier of the run."""
        place_and_model = "\0".join((self.bucket, self.prefix, self.model_digest, "")).encode()
        return hashlib.sha256(place_and_model + self.content).hexdigest()[:_ID_DIGITS]

    @property
    def key(self) -> str:
        """Key of the plan in the output bucket."""
        return plan_key(self.run_id)

    @property
    def manifest_key(self) -> str:
        """Key of the manifest; it exists once the run is complete."""
        return f"{RUNS_PREFIX}{self.run_id}/manifest.json"

    @property
    def size(self) -> int:
        """Total bytes of the parts."""
        return sum(part.size for part in self.parts)

    @classmethod
    def parse(cls, content: bytes, run_id: str, bucket: str, prefix: str, model_digest: str) -> Self:
        """Parse a stored plan.

        Raises
        ------
        UnknownRunError
            If the content is not a plan, or is the plan of another run.
        """
        try:
            parts = tuple(InputObject.from_part(part) for part in json.loads(content))
        except (KeyError, RecursionError, TypeError, ValueError) as error:
            raise UnknownRunError(
                f"The plan of run {run_id} is malformed; start the run without run_id."
            ) from error
        plan = cls(bucket, prefix, model_digest, parts)
        if plan.run_id != run_id:
            raise UnknownRunError(
                f"Run {run_id} was planned for another prefix or model; start the run without run_id."
            )
        return plan


def plan_key(run_id: str) -> str:
    """Return the key of a run's plan in the output bucket."""
    return f"{RUNS_PREFIX}{run_id}/plan.json"


def check_request(request: Any, input_bucket: str) -> tuple[str, str]:
    """Return the bucket and prefix that a request names.

    Raises
    ------
    BadRequestError
        If the bucket is not the input bucket, or the prefix is not an input prefix.
    """
    bucket, prefix = request.get("bucket", input_bucket), request.get("prefix")
    if bucket != input_bucket:
        raise BadRequestError(f"The prefix is in another bucket; upload the parts to {input_bucket}.")
    if not is_key(prefix) or not prefix.startswith(INPUT_PREFIXES):
        raise BadRequestError(
            f"The prefix is not an input prefix; use one that begins with {' or '.join(INPUT_PREFIXES)}."
        )
    return bucket, prefix


def make_plan(storage: BackfillStorage, bucket: str, prefix: str, model_digest: str) -> Plan:
    """List the parts below a prefix.

    Raises
    ------
    EmptyPrefixError, TooManyPartsError
    NotScoredError
        If a request to S3 fails.
    """
    parts = []
    for part in storage.list_parts(bucket, prefix):
        parts.append(part)
        if len(parts) > MAX_PARTS:
            raise TooManyPartsError(
                f"The prefix has more than {MAX_PARTS:,} parts; start several runs with longer prefixes."
            )
    if not parts:
        raise EmptyPrefixError(f"No object below the prefix ends with {INPUT_SUFFIX}; check the prefix.")
    return Plan(bucket, prefix, model_digest, tuple(sorted(parts, key=lambda part: part.key)))


def write_plan(storage: BackfillStorage, output_bucket: str, plan: Plan) -> None:
    """Write a plan, unless it exists.

    Raises
    ------
    RetryLaterError
        If another object has its key.
    NotScoredError
        If a request to S3 fails.
    """
    if not storage.create(output_bucket, plan.key, plan.content, JSON):
        raise RetryLaterError(f"{plan.key} holds another plan; delete it and start the run again.")


def read_plan(
    storage: BackfillStorage, output_bucket: str, run_id: object, place: tuple[str, str], model_digest: str
) -> Plan:
    """Return the stored plan of a run.

    Raises
    ------
    UnknownRunError
        If there is no plan, or it belongs to another run.
    NotScoredError
        If a request to S3 fails.
    """
    if not (isinstance(run_id, str) and _RUN_ID.fullmatch(run_id)):
        raise UnknownRunError("run_id is not the id of a run; start the run without run_id.")
    found = storage.read(output_bucket, plan_key(run_id))
    if found is None:
        raise UnknownRunError(f"Run {run_id} has no plan; start the run without run_id.")
    return Plan.parse(found.content, run_id, *place, model_digest)

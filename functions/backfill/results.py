"""The state of a run's parts, as the output bucket shows it: scored, not scored, or open."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from churn_core.scoring.parquet.thrift_compact import ThriftError
from functions.backfill.errors import UnbalancedRunError
from functions.shared.objects import COUNTS, REQUEUED, object_record_key, output_key, parse_record

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from functions.backfill.storage import BackfillStorage
    from functions.shared.objects import InputObject

THREADS: Final = 32


@dataclass(frozen=True, slots=True)
class ScoredPart:
    """A part whose output exists.

    Attributes
    ----------
    source : InputObject
    output_key : str
    rows, scored, rejected : int
    entries : dict
        Entries of the output's footer; empty if it was not read.
    """

    source: InputObject
    output_key: str
    rows: int
    scored: int
    rejected: int
    entries: dict[str, str]


@dataclass(frozen=True, slots=True)
class NotScoredPart:
    """A part that can't be scored.

    Attributes
    ----------
    source : InputObject
    code : str
        The code of its record; ``gone`` or ``superseded`` if there is no record.
    record_key : str or None
    """

    source: InputObject
    code: str
    record_key: str | None


@dataclass(frozen=True, slots=True)
class OpenPart:
    """A part that has neither output nor record."""

    source: InputObject


Part = ScoredPart | NotScoredPart | OpenPart


class Results:
    """Reads the state of parts.

    Parameters
    ----------
    storage : BackfillStorage
    bucket : str
        The output bucket.
    model_digest : str
        Outputs and records of other models are ignored.
    """

    def __init__(self, storage: BackfillStorage, bucket: str, model_digest: str) -> None:
        self._storage = storage
        self._bucket = bucket
        self._model_digest = model_digest

    def read_counts(self, parts: Sequence[InputObject]) -> list[Part]:
        """Return the state and the row counts of parts, without reading their outputs."""
        return self._read_each(self._read_counts, parts)

    def read_footers(self, parts: Sequence[InputObject]) -> list[Part]:
        """Return the state of parts with the footers of their outputs, whose row counts are checked.

        Raises
        ------
        UnbalancedRunError
            If an output's row counts do not add up.
        NotScoredError
            If a request to S3 fails.
        """
        return self._read_each(self._read_footer, parts)

    def _read_each(self, read: Callable[[InputObject], Part], parts: Sequence[InputObject]) -> list[Part]:
        with ThreadPoolExecutor(THREADS) as pool:
            return list(pool.map(read, parts))

    def _read_counts(self, source: InputObject) -> Part:
        key = output_key(source, self._model_digest)
        described = self._storage.describe_output(self._bucket, key)
        if described is None:
            return self._without_output(source)
        return ScoredPart(source, key, **_counts(described.metadata, key), entries={})

    def _read_footer(self, source: InputObject) -> Part:
        key = output_key(source, self._model_digest)
        try:
            found = self._storage.read_footer({"Bucket": self._bucket, "Key": key})
        except ThriftError as error:
            raise UnbalancedRunError(
                f"The output {key} is not a complete Parquet file; delete it and start the run again."
            ) from error
        if found is None:
            return self._without_output(source)
        footer, end = found
        part = ScoredPart(source, key, **_counts(end.metadata, key), entries=footer.entries)
        if not part.rows == footer.rows == part.scored + part.rejected:
            raise UnbalancedRunError(
                f"The output {key} has {footer.rows} rows, but its metadata says {part.rows} rows,"
                f" {part.scored} scored and {part.rejected} rejected; delete it and start the run again."
            )
        return part

    def _without_output(self, source: InputObject) -> Part:
        record_key = object_record_key(source)
        found = self._storage.read(self._bucket, record_key)
        record = {} if found is None else parse_record(found.content)
        # A record by another model does not count, nor does one whose input was queued again.
        if record.get("model_digest") == self._model_digest and REQUEUED not in record:
            return NotScoredPart(source, record["code"], record_key)
        state = self._storage.input_state(source)
        if state != "there":
            return NotScoredPart(source, state, None)
        return OpenPart(source)


def _counts(metadata: Mapping[str, str], key: str) -> dict[str, int]:
    try:
        return {name: int(metadata[name]) for name in COUNTS}
    except (KeyError, ValueError) as error:
        raise UnbalancedRunError(
            f"The output {key} has no row counts in its metadata; delete it and start the run again."
        ) from error

"""What became of a run's parts, as the output bucket tells: scores, a record instead, or nothing yet."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from churn_core.scoring.parquet.footer import Footer, footer_length, read_footer
from churn_core.scoring.parquet.thrift_compact import ThriftError
from functions.backfill.errors import UnbalancedRunError
from functions.shared.objects import COUNTS, output_key
from functions.shared.records import REQUEUED, object_record_key

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from functions.backfill.storage import BackfillStorage
    from functions.shared.objects import InputObject

THREADS: Final = 32
_END_BYTES: Final = 8


@dataclass(frozen=True, slots=True)
class ScoredPart:
    """A part whose output is there.

    Attributes
    ----------
    source : InputObject
    output_key : str
    rows, scored, rejected : int
    entries : dict
        What the output's footer says; empty where it was not read.
    """

    source: InputObject
    output_key: str
    rows: int
    scored: int
    rejected: int
    entries: dict[str, str]


@dataclass(frozen=True, slots=True)
class NotScoredPart:
    """A part that has no output, and never will as it is.

    Attributes
    ----------
    source : InputObject
    code : str
        That of its record, or ``gone`` or ``superseded``.
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
    """Looks at parts.

    Parameters
    ----------
    storage : BackfillStorage
    bucket : str
        The output bucket.
    model_digest : str
        Whose outputs and records count.
    """

    def __init__(self, storage: BackfillStorage, bucket: str, model_digest: str) -> None:
        self._storage = storage
        self._bucket = bucket
        self._model_digest = model_digest

    def glance(self, parts: Sequence[InputObject]) -> list[Part]:
        """Look whether parts are done, and how many rows they have."""
        return self._each(self._glance, parts)

    def read(self, parts: Sequence[InputObject]) -> list[Part]:
        """Read what each output's footer says, too, and hold its rows against each other.

        Raises
        ------
        UnbalancedRunError
            If an output's rows do not add up.
        NotScoredError
            If S3 can't be asked.
        """
        return self._each(self._read, parts)

    def _each(self, look: Callable[[InputObject], Part], parts: Sequence[InputObject]) -> list[Part]:
        with ThreadPoolExecutor(THREADS) as pool:
            return list(pool.map(look, parts))

    def _glance(self, source: InputObject) -> Part:
        key = output_key(source, self._model_digest)
        metadata = self._storage.metadata_of(self._bucket, key)
        if metadata is None:
            return self._without_output(source)
        return ScoredPart(source, key, **_counts(metadata, key), entries={})

    def _read(self, source: InputObject) -> Part:
        key = output_key(source, self._model_digest)
        tail = self._storage.tail(self._bucket, key)
        if tail is None:
            return self._without_output(source)
        footer = self._footer(key, tail.content)
        part = ScoredPart(source, key, **_counts(tail.metadata, key), entries=footer.entries)
        if not part.rows == footer.rows == part.scored + part.rejected:
            raise UnbalancedRunError(
                f"The output {key} has {footer.rows} rows for {part.rows} of its input,"
                f" {part.scored} scored and {part.rejected} rejected; remove it, and start the run again."
            )
        return part

    def _footer(self, key: str, end: bytes) -> Footer:
        try:
            length = footer_length(end) + _END_BYTES
            if length > len(end):
                whole = self._storage.tail(self._bucket, key, length)
                end = b"" if whole is None else whole.content
            return read_footer(end[-length:-_END_BYTES])
        except ThriftError as error:
            raise UnbalancedRunError(
                f"The output {key} is no whole Parquet file; remove it, and start the run again."
            ) from error

    def _without_output(self, source: InputObject) -> Part:
        record_key = object_record_key(source)
        content = self._storage.read(self._bucket, record_key)
        record: dict[str, Any] = {} if content is None else json.loads(content)
        # Another model's record does not bind this one; what was queued again is waiting for its end.
        if record.get("model_digest") == self._model_digest and REQUEUED not in record:
            return NotScoredPart(source, record["code"], record_key)
        state = self._storage.state_of(source)
        if state != "there":
            return NotScoredPart(source, state, None)
        return OpenPart(source)


def _counts(metadata: Mapping[str, str], key: str) -> dict[str, int]:
    try:
        return {name: int(metadata[name]) for name in COUNTS}
    except (KeyError, ValueError) as error:
        raise UnbalancedRunError(
            f"The output {key} does not tell its rows; remove it, and start the run again."
        ) from error

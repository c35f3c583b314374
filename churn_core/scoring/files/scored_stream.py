"""The stream between DuckDB's reading and writing: encoded batches in, scored batches out."""

from __future__ import annotations

from collections import Counter, deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Protocol, Self

import arro3.core as arrow
import numpy as np

from churn_core.errors import WARNING_KINDS, ChurnError
from churn_core.scoring.drift.counter import DriftCounter, DriftCounts
from churn_core.scoring.drift.profile import TrainingProfile
from churn_core.scoring.drift.report import DriftReport, compare
from churn_core.scoring.files.encoded_batch import EncodedBatch, encode_batch, rows_by_code
from churn_core.scoring.files.reason_texts import TEXT_COLUMNS, reason_texts
from churn_core.scoring.files.sql.encoding import kept_name
from churn_core.scoring.money import Flagged
from churn_core.scoring.output_rules import OutputRules
from churn_core.scoring.parquet.faults import is_interrupt, reading_fault
from churn_core.scoring.predictor import ROWS_PER_RUN
from churn_core.scoring.reason_groups import merge_contributions, reason_groups
from churn_core.scoring.reason_words import ReasonText
from churn_core.scoring.reasons import TOP_REASONS, rank_reasons
from churn_core.scoring.scores import require_probabilities
from churn_core.scoring.value_warnings import ValueWarnings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    import numpy.typing as npt

    from churn_core.scoring.predictor import ChurnPredictor
    from churn_core.scoring.reasons import RankedReasons
    from churn_core.scoring.scores import Scores

_BATCH_ROWS = 8 * ROWS_PER_RUN
_OUTPUT_GROUP_ROWS = 122_880
"""Rows from which DuckDB's writer closes a row group at the end of a batch.

A batch always ends here, so that the output's bytes do not depend on threads or on the input's row groups.
"""

_WarnedRows = dict[str, dict[str, int]]
_ScoredColumns = tuple[dict[str, arrow.Array], dict[str, int], _WarnedRows, Flagged, DriftCounts | None]
"""Arrow columns by name; rows by reject code; scored rows with an unexpected value, by kind and column;
scored rows at or above the threshold; drift counts."""


class EncodedRows(Protocol):
    """A stream of encoded rows: an Arrow reader, or one that reads a text file."""

    @property
    def schema(self) -> arrow.Schema:
        """The columns of the batches."""

    def __iter__(self) -> Iterator[arrow.RecordBatch]:
        """Yield the batches in the file's order."""


class ScoredStream:
    """Scores the batches of an encoding query, several at a time, and yields them in order.

    Parameters
    ----------
    encoded : EncodedRows
        Batches with the columns of `churn_core.scoring.files.sql.encoding.encoded_columns`.
    predictor : ChurnPredictor
        The model.
    threads : int
        Batches scored at the same time.
    contributions : bool
        Whether the scored batches have every feature's contribution.
    output : OutputRules, optional
        Whether they have reasons as sentences, and the kept columns of the encoding query.

    Attributes
    ----------
    rows : int
        Rows yielded so far.
    rejects : Counter
        Rows by reject code.
    warned : dict of Counter
        Scored rows with an unexpected value, by kind and column.
    flagged : Flagged
        The scored rows at or above the threshold.
    failure : BaseException or None
        The error that ended the stream early.
    on_rows : callable or None
        Called with `rows` after each batch.
    """

    def __init__(
        self,
        encoded: EncodedRows,
        predictor: ChurnPredictor,
        *,
        threads: int,
        contributions: bool,
        output: OutputRules | None = None,
    ) -> None:
        self._predictor = predictor
        self._contract = predictor.contract
        self._threads = threads
        self._contributions = contributions
        self._value_warnings = ValueWarnings(predictor.contract)
        self._groups = reason_groups(predictor.contract)
        output = output or OutputRules()
        self._reason_text = ReasonText(predictor.contract, output.words) if output.reason_texts else None
        # Columns of the encoding query that are written as they are.
        self._passed = [
            *(["id"] if self._contract.id_column is not None else []),
            *map(kept_name, range(len(output.keep))),
        ]
        self._profile = TrainingProfile.from_bundle(predictor.bundle)
        self._counter: DriftCounter | None = None
        self._drift: DriftCounts | None = None
        if self._profile is not None:
            self._counter = DriftCounter(self._contract, self._profile, predictor.bundle.threshold)
            self._drift = self._counter.empty_counts()
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="score")
        self._input = encoded
        self.rows = 0
        self.rejects: Counter[str] = Counter()
        self.warned: dict[str, Counter[str]] = {kind: Counter() for kind in WARNING_KINDS}
        self.flagged = Flagged()
        self.failure: BaseException | None = None
        self.on_rows: Callable[[int], None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    @property
    def drift_counts(self) -> DriftCounts | None:
        """Counts of the rows yielded so far; None if the bundle has no training profile."""
        return self._drift

    def drift_report(self) -> DriftReport | None:
        """Compare the rows yielded so far with the training profile; None if the bundle has none."""
        if self._profile is None or self._drift is None:
            return None
        return compare(
            self._predictor.bundle, self._profile, self._drift, rejected=sum(self.rejects.values())
        )

    def drain(self) -> None:
        """Score every batch only for its counts."""
        for _ in self._guarded():
            pass

    def reader(self) -> arrow.RecordBatchReader:
        """Return the scored batches as an Arrow stream that DuckDB can read."""
        return arrow.RecordBatchReader.from_batches(self._schema(), self._guarded())

    def _schema(self) -> arrow.Schema:
        kinds = {
            "row_number": arrow.DataType.int64(),
            "reject": arrow.DataType.uint8(),
            "reject_column": arrow.DataType.uint16(),
            "probability": arrow.DataType.float64(),
            "will_churn": arrow.DataType.bool(),
            "risk": arrow.DataType.uint8(),
            **{f"reason_{place}": arrow.DataType.int64() for place in range(1, TOP_REASONS + 1)},
            "warnings": arrow.DataType.utf8(),
        }
        if self._reason_text is not None:
            kinds |= dict.fromkeys(TEXT_COLUMNS, arrow.DataType.utf8())
        if self._predictor.bundle.money is not None:
            kinds["expected_profit"] = arrow.DataType.float64()
        if self._contributions:
            kinds |= {
                f"k{position}": arrow.DataType.float32() for position in range(len(self._contract.features))
            }
        fields = [arrow.Field(name, kind) for name, kind in kinds.items()]
        return arrow.Schema([*fields, *map(self._input.schema.field, self._passed)])

    def _guarded(self) -> Iterator[arrow.RecordBatch]:
        try:
            yield from self._scored()
        except GeneratorExit:  # the consumer stopped reading: its own error says why
            raise
        except BaseException as error:
            self.failure = error
            raise

    def _scored(self) -> Iterator[arrow.RecordBatch]:
        waiting: deque[tuple[arrow.RecordBatch, Future[_ScoredColumns]]] = deque()
        schema = self._schema()
        first_row = 0
        for batch in self._read():
            start = 0
            while start < batch.num_rows:
                to_group_end = _OUTPUT_GROUP_ROWS - first_row % _OUTPUT_GROUP_ROWS
                part = batch.slice(start, min(_BATCH_ROWS, batch.num_rows - start, to_group_end))
                start += part.num_rows
                waiting.append((part, self._pool.submit(self._score, part, first_row)))
                first_row += part.num_rows
                if len(waiting) > self._threads:
                    yield self._finish(*waiting.popleft(), schema)
        while waiting:
            yield self._finish(*waiting.popleft(), schema)

    def _read(self) -> Iterator[arrow.RecordBatch]:
        batches = iter(self._input)
        while True:
            try:
                batch = next(batches)
            except StopIteration:
                return
            except ChurnError:
                raise
            except Exception as error:
                # The Arrow bridge has no error type of its own. Only DuckDB's reading can fail here.
                if is_interrupt(error) or "INTERRUPT Error" in str(error):
                    raise KeyboardInterrupt from None
                raise reading_fault(error) from error
            yield batch

    def _finish(
        self, batch: arrow.RecordBatch, future: Future[_ScoredColumns], schema: arrow.Schema
    ) -> arrow.RecordBatch:
        columns, rejects, warned, flagged, drift = future.result()
        for name in self._passed:
            columns[name] = batch.column(name)
        self.rows += batch.num_rows
        self.rejects.update(rejects)
        for kind, counts in warned.items():
            self.warned[kind].update(counts)
        self.flagged += flagged
        if self._drift is not None and drift is not None:
            self._drift.add(drift)
        if self.on_rows is not None:
            self.on_rows(self.rows)
        return arrow.RecordBatch.from_arrays([columns[name] for name in schema.names], schema=schema)

    def _score(self, batch: arrow.RecordBatch, first_row: int) -> _ScoredColumns:
        encoded = encode_batch(batch, self._contract, self._value_warnings)
        scores = self._predictor.score_matrix(encoded.matrix)
        accepted = encoded.reject == 0
        require_probabilities(scores, accepted)
        merged = merge_contributions(scores.contributions, self._groups)
        ranked = rank_reasons(merged)
        columns = self._columns(scores, encoded, ranked, accepted)
        columns["row_number"] = np.arange(first_row, first_row + len(accepted), dtype=np.int64)
        arrays = {name: arrow.Array.from_numpy(values) for name, values in columns.items()}
        arrays["warnings"] = self._warnings(encoded, accepted)
        if self._reason_text is not None:
            arrays |= reason_texts(self._reason_text, encoded.matrix, merged, ranked, accepted)
        rejects = rows_by_code(encoded.reject)
        warned: _WarnedRows = {kind: {} for kind in WARNING_KINDS}
        for kind, name, mask in encoded.warnings:
            if count := int((mask & accepted).sum()):
                warned[kind][name] = count
        flagged = Flagged.count(scores.probability[accepted], self._predictor.bundle.threshold)
        return arrays, rejects, warned, flagged, self._count(scores, encoded, accepted)

    def _count(
        self, scores: Scores, encoded: EncodedBatch, accepted: npt.NDArray[np.bool_]
    ) -> DriftCounts | None:
        if self._counter is None:
            return None
        columns, probability = encoded.columns, scores.probability
        if not accepted.all():
            columns, probability = columns[:, accepted], probability[accepted]
        counts = self._counter.count(columns, probability)
        counts.refused = encoded.refused
        return counts

    def _columns(
        self,
        scores: Scores,
        encoded: EncodedBatch,
        ranked: RankedReasons,
        accepted: npt.NDArray[np.bool_],
    ) -> dict[str, npt.NDArray[Any]]:
        bundle = self._predictor.bundle
        probability = scores.probability
        columns: dict[str, npt.NDArray[Any]] = {
            "reject": encoded.reject,
            "reject_column": encoded.reject_column,
            "probability": probability,
            "will_churn": probability >= bundle.threshold,
            "risk": bundle.risk_levels(probability) + np.uint8(1),
        }
        if bundle.money is not None:
            columns["expected_profit"] = bundle.money.expected_profit(probability)
        counts = np.where(accepted, ranked.counts, 0)
        for place in range(TOP_REASONS):
            # A model of one or two features has fewer positions than places.
            positions = ranked.positions[:, min(place, ranked.positions.shape[1] - 1)]
            columns[f"reason_{place + 1}"] = np.where(place < counts, positions + 1, 0)
        if self._contributions:
            for position, values in enumerate(scores.contributions.T):
                columns[f"k{position}"] = np.ascontiguousarray(values)
        return columns

    def _warnings(self, encoded: EncodedBatch, accepted: npt.NDArray[np.bool_]) -> arrow.Array:
        named: list[str | None] = [None] * len(accepted)
        for _, name, mask in encoded.warnings:
            for row in np.flatnonzero(mask & accepted).tolist():
                before = named[row]
                named[row] = name if before is None else f"{before},{name}"
        return arrow.Array(named, type=arrow.DataType.utf8())

"""Score a Parquet file into a Parquet or CSV file, in bounded memory for any size.

DuckDB reads and encodes, onnxruntime scores on several threads, and DuckDB writes, all at the same time on
a stream of batches. Each input row is written once, in order, scored or rejected. With `top`, only the
customers to contact first are written, best first. The output gets its name only when it is complete.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb

from churn_core.errors import WARNING_KINDS, InputFileError, NoSpaceError, OutputError
from churn_core.scoring.drift.counts_text import drift_counts_text
from churn_core.scoring.drift.training_table import is_training_table
from churn_core.scoring.files.complete_file import complete_file
from churn_core.scoring.files.output_formats import output_format
from churn_core.scoring.files.scoring_pass import BatchSettings, scoring_pass
from churn_core.scoring.files.sql.output_columns import output_select
from churn_core.scoring.parquet.faults import is_interrupt, typed_memory_faults
from churn_core.scoring.parquet.footer import write_footer_metadata

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from churn_core.scoring.bundle import Bundle
    from churn_core.scoring.drift.counter import DriftCounts
    from churn_core.scoring.files.output_formats import OutputFormat
    from churn_core.scoring.files.scored_stream import ScoredStream
    from churn_core.scoring.predictor import ChurnPredictor


__all__ = ["BatchResult", "BatchSettings", "score_file"]


@dataclass(frozen=True, slots=True)
class BatchResult:
    """Counts of a scored file; ``rows == scored + rejected``.

    Attributes
    ----------
    rejects : dict
        Rejected rows by reject code.
    unknown, missing, unexpected : dict
        Scored rows by column with a category that training never saw, with a missing value where training
        saw none, and with a number outside the expected range.
    written : int
        Rows of the output: all rows, or the `top` customers.
    will_churn : int
        Scored rows at or above the threshold.
    expected_profit : float or None
        Expected profit of contacting those, if the bundle has money values.
    drift : dict or None
        `DriftReport.summary`; None if the bundle has no training profile of the current format.
    training_table : bool
        Whether the rows are those that the model was trained on.
    """

    rows: int
    scored: int
    rejected: int
    rejects: dict[str, int]
    unknown: dict[str, int]
    missing: dict[str, int]
    unexpected: dict[str, int]
    written: int
    will_churn: int
    expected_profit: float | None = None
    drift: dict[str, Any] | None = None
    training_table: bool = False


def score_file(
    source: Path,
    destination: Path,
    predictor: ChurnPredictor,
    settings: BatchSettings | None = None,
    progress: Callable[[int, int], None] | None = None,
    *,
    reads: Iterable[Path] = (),
) -> BatchResult:
    """Score every row of a Parquet file.

    Parameters
    ----------
    source : Path
        A local Parquet file with the contract's columns; other columns are ignored.
    destination : Path
        The output file, ``.parquet``, ``.csv`` or ``.csv.gz``; if it exists, it is replaced in one step.
    predictor : ChurnPredictor
        The model.
    settings : BatchSettings, optional
        Threads, memory, limits.
    progress : callable, optional
        Called with the number of scored rows and the number of rows in the footer.
    reads : iterable of Path
        Further files and folders that the caller reads, which the output must not replace either.

    Raises
    ------
    InputFileError
        If the file can't be scored at all; `code` says why.
    DataError
        If the file can't be opened.
    OutputError
        If the output is also an input, has another ending, or can't be written.
    """
    settings = settings or BatchSettings()
    with typed_memory_faults(), complete_file(destination, reads=[source, *reads]) as partial:
        written_as = output_format(destination)
        output = predictor.bundle.output
        with scoring_pass(
            source, predictor, settings, progress, writable=[partial], output=output
        ) as running:
            select = output_select(
                predictor,
                running.id_type,
                contributions=settings.contributions,
                top=settings.top,
                csv=written_as.is_csv,
                safe_formulas=settings.safe_formulas,
            )
            _write(running.connection, running.stream, select, partial, written_as)
            running.check_complete()
            result = _result(running.stream, predictor.bundle, settings.top)
        if written_as.is_csv:
            return result
        counts = _counts(result, predictor, running.stream.drift_counts)
        try:
            write_footer_metadata(partial, {**settings.metadata, **counts})
        except OSError as error:
            raise writing_fault(error, partial.parent) from error
    return result


def _result(stream: ScoredStream, bundle: Bundle, top: int | None) -> BatchResult:
    rejected = sum(stream.rejects.values())
    scored = stream.rows - rejected
    drift = stream.drift_report()
    return BatchResult(
        rows=stream.rows,
        scored=scored,
        rejected=rejected,
        rejects=dict(stream.rejects),
        unknown=dict(stream.warned["unknown"]),
        missing=dict(stream.warned["missing"]),
        unexpected=dict(stream.warned["unexpected"]),
        written=stream.rows if top is None else min(top, scored),
        will_churn=stream.flagged.customers,
        expected_profit=None if bundle.money is None else stream.flagged.expected_profit(bundle.money),
        drift=None if drift is None else drift.summary(),
        training_table=is_training_table(bundle, stream.drift_counts),
    )


def _counts(result: BatchResult, predictor: ChurnPredictor, drift: DriftCounts | None) -> dict[str, str]:
    """Return the entries about the scores for the output's footer."""
    counts = {
        "churn.rows": str(result.rows),
        "churn.scored": str(result.scored),
        "churn.rejected": str(result.rejected),
        "churn.rejects": json.dumps(result.rejects, sort_keys=True),
        "churn.warnings": json.dumps(
            {kind: getattr(result, kind) for kind in WARNING_KINDS}, sort_keys=True, ensure_ascii=False
        ),
        "churn.model_digest": predictor.bundle.model_digest,
        "churn.model_version": predictor.bundle.model_version,
    }
    if result.drift is not None:
        counts["churn.drift"] = json.dumps(result.drift, ensure_ascii=False)
    if drift is not None:
        counts["churn.drift_counts"] = drift_counts_text(drift)
    return counts


def _write(
    connection: duckdb.DuckDBPyConnection,
    stream: ScoredStream,
    select: str,
    partial: Path,
    written_as: OutputFormat,
) -> None:
    writer = connection.cursor()
    writer.register("scored", stream.reader())
    path = str(partial).replace("'", "''")
    try:
        writer.execute(f"COPY ({select}) TO '{path}' ({written_as.options})")
    except Exception as error:
        # DuckDB gets an error inside the stream only as text, so the stream keeps the error itself.
        if stream.failure is not None:
            raise stream.failure from None
        if is_interrupt(error):
            raise KeyboardInterrupt from None
        if isinstance(error, duckdb.IOException):
            raise writing_fault(error, partial.parent) from error
        raise
    finally:
        writer.close()


def writing_fault(error: duckdb.IOException | OSError, folder: Path) -> OutputError | InputFileError:
    """Translate an error about an output in `folder`; its own text is not shown."""
    if os.strerror(errno.EFBIG) in str(error):
        return InputFileError(
            "too-large", "The output is larger than allowed; write the file as several parts."
        )
    if os.strerror(errno.ENOSPC) in str(error) or shutil.disk_usage(folder).free < 2**20:
        return NoSpaceError(f"There is no space left in {folder}; free some or write the output elsewhere.")
    return OutputError(f"The output can't be written to {folder}; check its permissions and space.")

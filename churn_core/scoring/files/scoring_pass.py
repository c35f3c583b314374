"""Open an untrusted file and score it while it is read, in bounded memory for any size."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from churn_core.errors import InputFileError
from churn_core.scoring.files.encoding_sql import encoded_columns, vocabulary_types
from churn_core.scoring.files.id_sql import output_id_type
from churn_core.scoring.files.output_columns import output_types
from churn_core.scoring.files.scored_stream import ScoredStream
from churn_core.scoring.files.unchanged import FileState
from churn_core.scoring.files.unfinished import unfinished_folder
from churn_core.scoring.parquet.faults import encrypted, reading_fault
from churn_core.scoring.parquet.input_checks import FileLayout, InputLimits, check_magic, read_layout
from churn_core.scoring.parquet.pages import check_pages, is_encrypted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from churn_core.scoring.predictor import ChurnPredictor


@dataclass(frozen=True, slots=True)
class BatchSettings:
    """How a file is scored.

    Parameters
    ----------
    threads : int
        Number of DuckDB's threads and of scoring threads; all cores by default.
    memory_limit_mb : int
        DuckDB's memory limit in MB.
    limits : InputLimits
        The most that an input file may hold.
    contributions : bool
        Whether the output has every feature's contribution, not only the three reasons.
    top : int, optional
        Write only the rows of this many customers to contact first, best first; at least 1.
    metadata : mapping
        Entries about the input for the output's footer, with names that begin with ``churn.input.``.
    text_cells : bool
        Whether every cell is text, because the table comes from a CSV file; numbers may be text then.
    """

    threads: int = field(default_factory=lambda: os.cpu_count() or 1)
    memory_limit_mb: int = 200
    limits: InputLimits = field(default_factory=InputLimits)
    contributions: bool = False
    top: int | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    text_cells: bool = False

    def __post_init__(self) -> None:
        if self.top is not None and self.top < 1:
            raise ValueError("top must be at least 1")


@dataclass(frozen=True, slots=True)
class ScoringPass:
    """A file being read and scored.

    Attributes
    ----------
    connection : DuckDBPyConnection
        The sandboxed database, with the types of the output.
    stream : ScoredStream
        Not yet read.
    layout : FileLayout
        The file's columns and rows according to its footer.
    id_type : str or None
        DuckDB's type of the ids in a scored file.
    source : FileState
        The file before it was read.
    """

    connection: duckdb.DuckDBPyConnection
    stream: ScoredStream
    layout: FileLayout
    id_type: str | None
    source: FileState

    def check_complete(self) -> None:
        """Compare the rows that were read with the footer's count, after the stream has been read.

        Raises
        ------
        InputFileError
            ``corrupt`` if they differ, or if the file was changed meanwhile.
        """
        self.source.check()
        if self.stream.rows != self.layout.rows:
            raise InputFileError(
                "corrupt", "The Parquet file's footer gives a wrong number of rows; write the file again."
            )


@contextmanager
def scoring_pass(
    source: Path,
    predictor: ChurnPredictor,
    settings: BatchSettings,
    progress: Callable[[int, int], None] | None = None,
    *,
    writable: Sequence[Path] = (),
) -> Iterator[ScoringPass]:
    """Open a file for scoring in a database that can access only this file and `writable`.

    Parameters and errors are those of `score_file`.
    """
    state = FileState.of(source.resolve())
    check_magic(source)
    with unfinished_folder(Path(tempfile.gettempdir()).resolve()) as work:
        local = work / "in.parquet"
        # DuckDB would read a name with *, ? or [ as a pattern, so it gets a link with a plain name.
        local.symlink_to(source.resolve())
        # The link is allowed, not its target: DuckDB takes a backslash in an allowed path for a slash.
        with _sandbox(work, [local, *writable], settings) as connection:
            running = _open(connection, local, predictor, settings, progress, state)
            with running.stream:
                yield running


def _open(
    connection: duckdb.DuckDBPyConnection,
    local: Path,
    predictor: ChurnPredictor,
    settings: BatchSettings,
    progress: Callable[[int, int], None] | None,
    state: FileState,
) -> ScoringPass:
    contract = predictor.contract
    try:
        layout = read_layout(connection, str(local), settings.limits)
    except InputFileError:
        # DuckDB has the same message for damaged files and for files with only some columns encrypted.
        if is_encrypted(local):
            raise encrypted() from None
        raise
    # DuckDB ignores the checksums of pages (duckdb 2.0), so they are checked here.
    check_pages(local)
    columns = encoded_columns(contract, layout.types, text_cells=settings.text_cells)
    id_type = output_id_type(contract, layout.types)
    for statement in [*vocabulary_types(contract), *output_types(predictor)]:
        connection.execute(statement)
    try:
        encoded = connection.cursor().sql(
            f"SELECT {', '.join(columns)} FROM read_parquet($path, hive_partitioning=false)",
            params={"path": str(local)},
        )
        stream = ScoredStream(
            encoded, predictor, threads=settings.threads, contributions=settings.contributions
        )
    except (duckdb.Error, UnicodeDecodeError) as error:
        raise reading_fault(error) from error
    if progress is not None:
        stream.on_rows = lambda done: progress(done, layout.rows)
    return ScoringPass(connection, stream, layout, id_type, state)


@contextmanager
def _sandbox(
    work: Path, files: Sequence[Path], settings: BatchSettings
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a database that can access only `files` and the folder `work`."""
    connection = duckdb.connect(
        config={
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "threads": settings.threads,
            "memory_limit": f"{settings.memory_limit_mb}MB",
            "temp_directory": str(work / "spill"),
            "home_directory": str(work),
            "extension_directory": str(work),
        }
    )
    try:
        connection.execute("SET allowed_directories = ?", [[str(work)]])
        connection.execute("SET allowed_paths = ?", [[str(path) for path in files]])
        connection.execute(
            "SET enable_external_access = false; SET allow_community_extensions = false;"
            " SET python_enable_replacements = false; SET enable_progress_bar = false;"
            # DuckDB would trust a file's statistics, which may be wrong.
            " SET disabled_optimizers = 'filter_pushdown,statistics_propagation';"
            " SET lock_configuration = true"
        )
        yield connection
    finally:
        connection.close()

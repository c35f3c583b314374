"""Score a Parquet file into a Parquet file, in bounded memory whatever its size.

DuckDB reads and encodes, onnxruntime scores on several threads, DuckDB writes; the three work at the same
time on a stream of row groups. Every input row comes out once, in order, scored or rejected; or only the
customers to contact first, best first. The output appears under its name when it is complete, or not at all.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from churn_core.errors import InputFileError, OutputError
from churn_core.scoring.batch_output import output_select, output_types
from churn_core.scoring.encoding_sql import check_id_type, encoded_columns, vocabulary_types
from churn_core.scoring.parquet_input import (
    InputLimits,
    check_magic,
    is_interrupt,
    read_layout,
    reading_fault,
)
from churn_core.scoring.scored_stream import ScoredStream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from churn_core.scoring.predictor import ChurnPredictor


_FORMAT = "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, USE_TMP_FILE false"
"""At level 1 zstd takes a third less time than at its default, for a twelfth more bytes."""


@dataclass(frozen=True, slots=True)
class BatchSettings:
    """How much of the machine a batch may take.

    Parameters
    ----------
    threads : int
        Threads of DuckDB, and threads that score; all cores by default.
    memory_limit_mb : int
        What DuckDB may hold, in MB.
    limits : InputLimits
        What an input file may hold.
    contributions : bool
        Whether the output has every feature's contribution, not only the three reasons.
    top : int, optional
        Write only the rows of as many customers, those to contact first, best first; at least 1.
    text_cells : bool
        Whether every cell is text, because the table comes from a CSV file; numbers may be text then.
    """

    threads: int = field(default_factory=lambda: os.cpu_count() or 1)
    memory_limit_mb: int = 200
    limits: InputLimits = field(default_factory=InputLimits)
    contributions: bool = False
    top: int | None = None
    text_cells: bool = False

    def __post_init__(self) -> None:
        if self.top is not None and self.top < 1:
            raise ValueError("top must be at least 1")


@dataclass(frozen=True, slots=True)
class BatchResult:
    """What became of the rows; ``rows == scored + rejected``.

    Attributes
    ----------
    rejects : dict
        Rows by the code of their rejection.
    unknown : dict
        Scored rows by the column in which a category was unknown.
    written : int
        Rows of the output: all, or those of the customers to contact first.
    will_churn : int
        Scored rows from the threshold on.
    expected_profit : float or None
        What contacting those is expected to earn, where the bundle has the money values.
    """

    rows: int
    scored: int
    rejected: int
    rejects: dict[str, int]
    unknown: dict[str, int]
    written: int
    will_churn: int
    expected_profit: float | None = None


def score_file(
    source: Path,
    destination: Path,
    predictor: ChurnPredictor,
    settings: BatchSettings | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> BatchResult:
    """Score every row of a Parquet file.

    Parameters
    ----------
    source : Path
        A local Parquet file with the contract's columns; others are ignored.
    destination : Path
        Where the scores go; replaced in one step if it exists.
    predictor : ChurnPredictor
        The model.
    settings : BatchSettings, optional
        Threads, memory, limits.
    progress : callable, optional
        Called with the rows done and the rows that the footer announces.

    Raises
    ------
    InputFileError
        If the file is unfit as a whole; `code` says why.
    DataError
        If the file can't be opened.
    OutputError
        If the output can't be written.
    """
    settings = settings or BatchSettings()
    if destination.exists() and source.exists() and destination.samefile(source):
        raise OutputError("The output would replace its own input; name another output file.")
    check_magic(source)
    with _partial_file(destination) as partial, _work_folder() as work:
        local = work / "in.parquet"
        # DuckDB would read a name with *, ? or [ as a pattern; a link has a name of our choice.
        local.symlink_to(source.resolve())
        with _sandbox(work, source, partial, settings) as connection:
            result = _score(connection, local, partial, predictor, settings, progress)
        _publish(partial, destination)
    return result


def _score(
    connection: duckdb.DuckDBPyConnection,
    local: Path,
    partial: Path,
    predictor: ChurnPredictor,
    settings: BatchSettings,
    progress: Callable[[int, int], None] | None,
) -> BatchResult:
    contract = predictor.contract
    layout = read_layout(connection, str(local), settings.limits)
    columns = encoded_columns(contract, layout.types, text_cells=settings.text_cells)
    id_type = None
    if contract.id_column is not None:
        id_type = check_id_type(contract.id_column, layout.types)
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
    with stream:
        _write(
            connection,
            stream,
            output_select(predictor, id_type, contributions=settings.contributions, top=settings.top),
            partial,
        )
    if stream.rows != layout.rows:
        raise InputFileError(
            "corrupt", "The Parquet file's footer counts other rows than it holds; write it again."
        )
    rejected = sum(stream.rejects.values())
    scored = stream.rows - rejected
    money = predictor.bundle.money
    return BatchResult(
        rows=stream.rows,
        scored=scored,
        rejected=rejected,
        rejects=dict(Counter(stream.rejects)),
        unknown=dict(Counter(stream.unknown)),
        written=stream.rows if settings.top is None else min(settings.top, scored),
        will_churn=stream.flagged.customers,
        expected_profit=None if money is None else stream.flagged.expected_profit(money),
    )


def _write(connection: duckdb.DuckDBPyConnection, stream: ScoredStream, select: str, partial: Path) -> None:
    writer = connection.cursor()
    writer.register("scored", stream.reader())
    path = str(partial).replace("'", "''")
    try:
        writer.execute(f"COPY ({select}) TO '{path}' ({_FORMAT})")
    except Exception as error:
        # What goes wrong inside the stream reaches DuckDB as text; the stream keeps the error itself.
        if stream.failure is not None:
            raise stream.failure from None
        if is_interrupt(error):
            raise KeyboardInterrupt from None
        if isinstance(error, duckdb.IOException):
            raise OutputError(_writing_fault(partial.parent)) from error
        raise
    finally:
        writer.close()


def _writing_fault(folder: Path) -> str:
    free = shutil.disk_usage(folder).free
    if free < 2**20:
        return f"There is no space left in {folder}; free some or write the output elsewhere."
    return f"The output can't be written to {folder}; check its permissions and space."


@contextmanager
def _partial_file(destination: Path) -> Iterator[Path]:
    """Yield a hidden name beside the destination, and leave nothing there under it."""
    folder = destination.absolute().parent
    if destination.is_dir():
        raise OutputError(f"{destination} is a folder; name a file for the output.")
    if destination.exists() and not destination.is_file():
        # A device or a pipe would be replaced by a file: /dev/null, for one.
        raise OutputError(f"{destination} is no regular file; name a file for the output.")
    try:
        handle, name = tempfile.mkstemp(prefix=".churn-", suffix=".partial", dir=folder)
    except OSError as error:
        raise OutputError(f"{folder} can't be written to ({error.strerror}); name another output.") from error
    os.close(handle)
    partial = Path(name)
    try:
        yield partial
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def _work_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="churn-") as name:
        yield Path(name).resolve()


@contextmanager
def _sandbox(
    work: Path, source: Path, partial: Path, settings: BatchSettings
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a database that can reach the input, the output and its own scratch folder, nothing else."""
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
        connection.execute("SET allowed_paths = ?", [[str(source.resolve()), str(partial)]])
        connection.execute(
            "SET enable_external_access = false; SET allow_community_extensions = false;"
            " SET python_enable_replacements = false; SET enable_progress_bar = false;"
            # A file's statistics may lie, and DuckDB would believe them.
            " SET disabled_optimizers = 'filter_pushdown,statistics_propagation';"
            " SET lock_configuration = true"
        )
        yield connection
    finally:
        connection.close()


def _publish(partial: Path, destination: Path) -> None:
    """Give the complete file its name, once its bytes are on the disk."""
    umask = os.umask(0)
    os.umask(umask)
    try:
        partial.chmod(0o666 & ~umask)
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.replace(destination.absolute())
    except OSError as error:
        raise OutputError(
            f"{destination} can't be written ({error.strerror}); name another output."
        ) from error

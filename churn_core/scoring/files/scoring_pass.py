"""Open an untrusted file and score it while it is read, in bounded memory for any size."""

from __future__ import annotations

import os
import tempfile
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import arro3.core as arrow
import duckdb

from churn_core.errors import InputFileError
from churn_core.scoring.column_names import NearNames
from churn_core.scoring.files.named_table import TableNames, parquet_table, table_names
from churn_core.scoring.files.scored_stream import ScoredStream
from churn_core.scoring.files.sql.encoding import encoded_columns, kept_columns, vocabulary_types
from churn_core.scoring.files.sql.ids import output_id_type
from churn_core.scoring.files.sql.output_columns import output_types
from churn_core.scoring.files.text.text_input import EncodedText, needed_columns, text_layout
from churn_core.scoring.files.unchanged import FileState
from churn_core.scoring.files.unfinished import unfinished_folder
from churn_core.scoring.input_limits import InputLimits
from churn_core.scoring.parquet.faults import encrypted, reading_fault
from churn_core.scoring.parquet.input_checks import FileLayout, check_magic, read_layout
from churn_core.scoring.parquet.pages import check_pages, is_encrypted
from churn_core.scoring.text_files.csv_table import CsvTable
from churn_core.scoring.text_files.formats import FileFormat, file_format
from churn_core.scoring.text_files.open_table import open_text_table

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from churn_core.schema import Contract
    from churn_core.scoring.output_rules import OutputRules
    from churn_core.scoring.predictor import ChurnPredictor
    from churn_core.scoring.text_files.table import TextTable


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
    safe_formulas : bool
        Whether an apostrophe is put before text in a CSV output that a spreadsheet would run as a formula.
    constants : mapping
        Further columns that have the same text, or None, in every row: those of the file's partition.
    match_case_insensitive : bool
        Whether a column is also found if its name differs in case or surrounding blanks.
    kind : FileFormat, optional
        How the file stores its table; by default, what its name says.
    """

    threads: int = field(default_factory=lambda: os.cpu_count() or 1)
    memory_limit_mb: int = 200
    limits: InputLimits = field(default_factory=InputLimits)
    contributions: bool = False
    top: int | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    safe_formulas: bool = True
    constants: Mapping[str, str | None] = field(default_factory=dict)
    match_case_insensitive: bool = False
    kind: FileFormat | None = None

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
        The file's columns, and its rows if it has a footer.
    id_type : str or None
        DuckDB's type of the ids in a scored file.
    source : FileState
        The file before it was read.
    table : TextTable or None
        The file, if it is a text file.
    names : TableNames
        How the columns of a text file are renamed.
    """

    connection: duckdb.DuckDBPyConnection
    stream: ScoredStream
    layout: FileLayout
    id_type: str | None
    source: FileState
    table: TextTable | None = None
    names: TableNames = field(default_factory=TableNames)

    def has_column(self, name: str) -> bool:
        """Return whether the file has a column, after the stream has been read."""
        return name in (self.layout.types if self.table is None else self.names.names(self.table.found))

    def check_complete(self) -> None:
        """Compare the rows that were read with the footer's count, after the stream has been read.

        Raises
        ------
        InputFileError
            ``corrupt`` if they differ, or if the file was changed meanwhile.
        """
        self.source.check()
        if self.layout.rows is None:
            return
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
    output: OutputRules | None = None,
) -> Iterator[ScoringPass]:
    """Open a file for scoring in a database that can access only this file and `writable`.

    Parameters and errors are those of `score_file`. The stream has reasons as sentences and kept columns as
    `output` says.
    """
    state = FileState.of(source.resolve())
    kind = settings.kind or file_format(source) or FileFormat("parquet")
    if not kind.is_text:
        check_magic(source)
    with unfinished_folder(Path(tempfile.gettempdir()).resolve()) as work, ExitStack() as stack:
        if kind.is_text:
            connection = stack.enter_context(_sandbox(work, writable, settings))
            contract = predictor.contract
            wanted: Collection[str] = _needed(contract, output)
            if settings.match_case_insensitive:
                wanted = _near_names(wanted, kind)
            table = stack.enter_context(
                open_text_table(source, kind, contract.reader, settings.limits, wanted=wanted)
            )
            running = _open_text(connection, table, predictor, settings, progress, state, output)
        else:
            local = work / "in.parquet"
            # DuckDB would read a name with *, ? or [ as a pattern, so it gets a link with a plain name.
            local.symlink_to(source.resolve())
            # The link is allowed, not its target: DuckDB takes a backslash in an allowed path for a slash.
            connection = stack.enter_context(_sandbox(work, [local, *writable], settings))
            running = _open_parquet(connection, local, predictor, settings, progress, state, output)
        with running.stream:
            yield running


def _needed(contract: Contract, output: OutputRules | None) -> list[str]:
    """Return the columns that are read from a file: all that are needed, and the target."""
    kept = () if output is None else output.keep
    return list(dict.fromkeys([*needed_columns(contract), *kept, contract.target]))


def _near_names(wanted: Collection[str], kind: FileFormat) -> NearNames:
    if kind.layout == "json_lines":
        raise InputFileError(
            "schema",
            "--match-case-insensitive works on files with one list of columns; rename the keys of the JSON"
            " lines.",
        )
    return NearNames(wanted)


def _open_text(
    connection: duckdb.DuckDBPyConnection,
    table: TextTable,
    predictor: ChurnPredictor,
    settings: BatchSettings,
    progress: Callable[[int, int], None] | None,
    state: FileState,
    output: OutputRules | None,
) -> ScoringPass:
    contract = predictor.contract
    layout = text_layout(table, contract)
    names = table_names(
        _needed(contract, output),
        list(layout.types) if isinstance(table, CsvTable) else [],
        settings.constants,
        match_case_insensitive=settings.match_case_insensitive,
    )
    layout = names.layout(layout)
    id_type = output_id_type(contract, layout.types)
    _create_types(connection, predictor)
    stream = ScoredStream(
        EncodedText(connection, table, contract, layout, names, () if output is None else output.keep),
        predictor,
        threads=settings.threads,
        contributions=settings.contributions,
        output=output,
    )
    if progress is not None:
        stream.on_rows = lambda done: progress(done, round(done / max(1e-9, table.share_read())))
    return ScoringPass(connection, stream, layout, id_type, state, table, names)


def _create_types(connection: duckdb.DuckDBPyConnection, predictor: ChurnPredictor) -> None:
    for statement in [*vocabulary_types(predictor.contract), *output_types(predictor)]:
        connection.execute(statement)


def _open_parquet(
    connection: duckdb.DuckDBPyConnection,
    local: Path,
    predictor: ChurnPredictor,
    settings: BatchSettings,
    progress: Callable[[int, int], None] | None,
    state: FileState,
    output: OutputRules | None,
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
    names = table_names(
        _needed(contract, output),
        list(layout.types),
        settings.constants,
        match_case_insensitive=settings.match_case_insensitive,
    )
    table = parquet_table(_needed(contract, output), layout, names)
    layout = names.layout(layout)
    keep = () if output is None else output.keep
    columns = [*encoded_columns(contract, layout.types), *kept_columns(keep, layout.types).values()]
    id_type = output_id_type(contract, layout.types)
    _create_types(connection, predictor)
    try:
        encoded = connection.cursor().sql(
            f"SELECT {', '.join(columns)} FROM {table}",
            params={"path": str(local)},
        )
        stream = ScoredStream(
            arrow.RecordBatchReader.from_arrow(encoded),
            predictor,
            threads=settings.threads,
            contributions=settings.contributions,
            output=output,
        )
    except (duckdb.Error, UnicodeDecodeError) as error:
        raise reading_fault(error) from error
    if progress is not None:
        stream.on_rows = lambda done: progress(done, layout.rows or 0)
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

"""Open a text file as a table."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from churn_core.errors import DataError
from churn_core.scoring.text_files.csv_table import CsvTable
from churn_core.scoring.text_files.faults import TextFaults
from churn_core.scoring.text_files.json_lines import JsonLinesTable
from churn_core.scoring.text_files.text_stream import text_chunks

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from churn_core.reader_rules import ReaderRules
    from churn_core.scoring.input_limits import InputLimits
    from churn_core.scoring.text_files.formats import FileFormat
    from churn_core.scoring.text_files.table import TextTable


@contextmanager
def open_text_table(
    path: Path,
    kind: FileFormat,
    rules: ReaderRules,
    limits: InputLimits,
    *,
    name: str = "The file",
    wanted: Collection[str] | None = None,
) -> Iterator[TextTable]:
    """Open a file of CSV or JSON lines; it is read while its batches are taken.

    Parameters
    ----------
    path : Path
    kind : FileFormat
    rules : ReaderRules
        The dialect of CSV files, and the decimal mark.
    limits : InputLimits
    name : str
        What messages call the file.
    wanted : collection of str, optional
        The columns to read; all by default.

    Raises
    ------
    DataError
        If the file is missing or can't be opened.
    InputFileError
        ``not-text``, ``bad-compression``, ``dialect``, ``too-large``, ``too-many-rows``,
        ``too-many-columns``, also while the rows are read.
    """
    if path.exists() and not path.is_file():
        raise DataError(f"{path} is not a regular file; name a file on a disk.")
    faults = TextFaults(name)
    try:
        file = path.open("rb")
    except OSError as error:
        raise DataError(f"{path} can't be read ({error.strerror}); name an existing file.") from error
    with file:
        encoding = rules.dialect.encoding if kind.layout == "csv" else "utf-8"
        chunks = text_chunks(file, encoding, faults, limits, gzipped=kind.gzipped)
        table: TextTable = (
            CsvTable(chunks, rules.dialect, faults, limits, wanted)
            if kind.layout == "csv"
            else JsonLinesTable(chunks, rules.text, faults, limits, wanted)
        )
        size = max(1, path.stat().st_size)
        table.share_read = lambda: file.tell() / size
        yield table

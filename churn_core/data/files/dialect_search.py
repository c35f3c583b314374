"""Find out how a CSV file is laid out, for ``churn init``; every later command is told by the configuration.

DuckDB's sniffer proposes a delimiter and a quote. The layout must then give a header with the target's name,
and rows as wide as the header; so DuckDB's proposal and the usual delimiters are tried with our own reader.
"""

from __future__ import annotations

import codecs
import re
import tempfile
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import duckdb
import numpy as np

from churn_core.data.files.readable import check_file, unreadable
from churn_core.data.findings import Finding, column_finding
from churn_core.errors import DataError, InputFileError
from churn_core.reader_rules import Dialect
from churn_core.scoring.input_limits import InputLimits
from churn_core.scoring.text_files.csv_table import DELIMITER_WORDS, CsvTable
from churn_core.scoring.text_files.faults import TextFaults
from churn_core.scoring.text_files.formats import FileFormat, file_format
from churn_core.scoring.text_files.text_stream import file_bytes, text_chunks

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

_SAMPLE_BYTES: Final = 2**18
MOST_TITLE_LINES: Final = 40
_LARGEST_TIE: Final = 0.02
"""Two layouts are equally good if their shares of well-formed rows differ by no more than this."""
_QUOTES: Final = ('"', "'")

_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    # The mark of UTF-32 begins with that of UTF-16.
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_UNDEFINED_IN_CP1252: Final = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")
_separator = re.compile(r'"?sep=(.)"?', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class FoundDialect:
    """The layout of a CSV file.

    Attributes
    ----------
    dialect : Dialect
    assumed_encoding : bool
        Whether the encoding is only the most frequent one of those that fit.
    """

    dialect: Dialect
    assumed_encoding: bool = False


def find_dialect(
    path: Path, target: str, given: Dialect | None = None, keys: Collection[str] = ()
) -> FoundDialect:
    """Find the layout of a table's file.

    Parameters
    ----------
    path : Path
    target : str
        The name of a column that the header must have.
    given : Dialect, optional
        The layout that the user gave.
    keys : collection of str
        The fields of `given` that are certain; the others are looked for.

    Returns
    -------
    FoundDialect
        The default for Parquet and JSON lines.

    Raises
    ------
    DataError
        If the file can't be read, or its delimiter can't be decided.
    """
    kind = file_format(path)
    given = given or Dialect()
    if kind is None or kind.layout != "csv":
        return FoundDialect(given)
    check_file(path)
    faults = TextFaults(str(path))
    try:
        encoding, assumed = (
            (given.encoding, False) if "encoding" in keys else _find_encoding(path, kind, faults)
        )
        with path.open("rb") as file:
            sample = _first_lines(text_chunks(file, encoding, faults, InputLimits(), gzipped=kind.gzipped))
    except OSError as error:
        raise unreadable(path, error) from error
    except InputFileError as error:
        raise DataError(str(error)) from None
    found = replace(given, encoding=encoding)
    return FoundDialect(_find_layout(path, sample, target, found, keys), assumed)


def dialect_findings(found: FoundDialect) -> list[Finding]:
    """Return what the user should know about a layout that was found."""
    if not found.assumed_encoding:
        return []
    name = found.dialect.encoding
    message = (
        f"is not UTF-8 and is read as {name}; if letters with accents look wrong in the configuration,"
        " give the encoding, such as --reader encoding=cp1250"
    )
    return [column_finding(None, "encoding_assumed", "warning", 1, message)]


def _find_encoding(path: Path, kind: FileFormat, faults: TextFaults) -> tuple[str, bool]:
    with path.open("rb") as file:
        chunks = file_bytes(file, faults, InputLimits(), gzipped=kind.gzipped)
        first = next(chunks, b"")
        for mark, name in _MARKS:
            if first.startswith(mark):
                return name, False
        zeros = np.frombuffer(first[:4096], dtype=np.uint8) == 0
        if zeros.any():
            # Letters of most alphabets have a zero in every second byte of UTF-16.
            return ("utf-16-le" if zeros[1::2].sum() > zeros[::2].sum() else "utf-16-be"), False
        decoder = codecs.getincrementaldecoder("utf-8")()
        undefined = False
        is_utf8 = True
        for chunk in (first, *chunks):
            undefined = undefined or _UNDEFINED_IN_CP1252.search(chunk) is not None
            if is_utf8:
                try:
                    decoder.decode(chunk)
                except UnicodeDecodeError:
                    is_utf8 = False
    if is_utf8 and not decoder.getstate()[0]:
        return "utf-8", False
    return ("iso8859-1" if undefined else "cp1252"), True


def _first_lines(chunks: Iterator[bytes]) -> bytes:
    text = b""
    for chunk in chunks:
        text += chunk
        if len(text) > _SAMPLE_BYTES:
            cut = max(text.rfind(b"\n", 0, _SAMPLE_BYTES), text.rfind(b"\r", 0, _SAMPLE_BYTES))
            return text[: cut + 1] if cut >= 0 else text
    return text


def _find_layout(path: Path, sample: bytes, target: str, found: Dialect, keys: Collection[str]) -> Dialect:
    proposed = _proposed(sample)
    declared = _separator.fullmatch(_lines(sample)[0]) if "delimiter" not in keys else None
    if declared:
        found, keys = replace(found, delimiter=declared[1]), {*keys, "delimiter"}
    delimiters = [found.delimiter] if "delimiter" in keys else list(DELIMITER_WORDS)
    if proposed is not None and "delimiter" not in keys and proposed.delimiter not in delimiters:
        delimiters.append(proposed.delimiter)
    quotes = [found.quote] if "quote" in keys else list(_QUOTES)
    layouts: dict[Dialect, float] = {}
    for delimiter in delimiters:
        for quote in quotes:
            layout = _with_header(replace(found, delimiter=delimiter, quote=quote), sample, target, keys)
            if layout is not None and ("quote" in keys or not _keeps_quotes(sample, layout)):
                layouts[layout] = _sound_share(sample, layout)
    if not layouts:
        # Nothing has the target; the error about it comes later, and with the columns of this layout.
        if proposed is None:
            return found
        ours = {key: getattr(found, key) for key in (*keys, "encoding", "header_line")}
        return replace(proposed, **ours)
    best = max(layouts.values())
    tied = [layout for layout, share in layouts.items() if share >= best - _LARGEST_TIE]
    if len({layout.delimiter for layout in tied}) > 1:
        tied = [layout for layout in tied if proposed and layout.delimiter == proposed.delimiter]
    if not tied:
        raise DataError(f"The delimiter of {path} can't be decided; give it, such as --reader 'delimiter=;'.")
    _refuse_backslashes(path, sample, tied[0].quote, layouts[tied[0]])
    return tied[0]


def _refuse_backslashes(path: Path, sample: bytes, quote: str, sound_share: float) -> None:
    if sound_share < 1 and f"\\{quote}".encode() in sample:
        raise DataError(
            f"{path} writes a quote inside a cell as \\{quote}; write it twice ({quote * 2}), as pandas does"
            " without escapechar."
        )


def _lines(sample: bytes) -> list[str]:
    return re.split(r"\r\n|\n|\r", sample.decode("utf-8", errors="replace"))


def _with_header(layout: Dialect, sample: bytes, target: str, keys: Collection[str]) -> Dialect | None:
    """Return the layout with the first header line that has the target; None if there is none."""
    only_cell = None
    numbers = [layout.header_line] if "header_line" in keys else range(1, 1 + MOST_TITLE_LINES)
    lines = _lines(sample)
    for number in numbers:
        if number > len(lines) or (number > 1 and not lines[number - 1].strip()):
            continue
        candidate = replace(layout, header_line=number)
        with suppress(InputFileError):
            header = _table(sample, candidate).header
            if target.strip().casefold() not in (name.strip().casefold() for name in header):
                continue
            if len(header) > 1:
                return candidate
            only_cell = only_cell or candidate
    # A title may be the same word, so a single cell is a header only if no line has more.
    return only_cell if layout.delimiter == Dialect().delimiter else None


def _sound_share(sample: bytes, layout: Dialect) -> float:
    table = _table(sample, layout)
    with suppress(InputFileError):
        for _ in table.batches():
            pass
    return 1 - table.malformed.rows / max(1, table.rows)


def _keeps_quotes(sample: bytes, layout: Dialect) -> bool:
    """Return whether single quotes leave cells between double quotes, which then are the file's quotes."""
    if layout.quote != "'":
        return False
    with suppress(InputFileError):
        for batch in _table(sample, layout, wanted=None).batches():
            for name in batch.columns:
                if any(
                    len(cell) > 1 and cell[0] == cell[-1] == '"' for cell in batch.texts(name).to_pylist()
                ):
                    return True
    return False


def _table(sample: bytes, layout: Dialect, wanted: Collection[str] | None = ()) -> CsvTable:
    return CsvTable(iter([sample]), layout, TextFaults(""), InputLimits(), wanted=wanted)


def _proposed(sample: bytes) -> Dialect | None:
    """Return what DuckDB's sniffer proposes; None if it finds nothing."""
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
        file = Path(folder, "sample.csv")
        file.write_bytes(sample)
        try:
            delimiter, quote = connection.execute(
                "SELECT Delimiter, Quote FROM sniff_csv(?, all_varchar = true)", [str(file)]
            ).fetchall()[0]
        except duckdb.Error:
            return None
    is_mark = len(delimiter) == 1 and delimiter.isascii()
    return Dialect(delimiter, quote if quote in _QUOTES else '"') if is_mark else None

"""The formats of scored files, chosen by the ending of the output's name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from churn_core.errors import OutputError

if TYPE_CHECKING:
    from pathlib import Path

FORMULA_MARKS: Final = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet takes a text cell that begins with one of these for a formula, and runs it."""


@dataclass(frozen=True, slots=True)
class OutputFormat:
    """How DuckDB writes a scored file.

    Attributes
    ----------
    ending : str
        Of the file's name, in lower case.
    options : str
        Of DuckDB's COPY.
    is_csv : bool
        Whether the file is CSV, which has neither nested columns nor footer metadata.
    """

    ending: str
    options: str
    is_csv: bool


_FORMATS: Final = (
    # At level 1 zstd takes a third less time than at its default level, and a twelfth more bytes.
    OutputFormat(
        ".parquet", "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, USE_TMP_FILE false", is_csv=False
    ),
    OutputFormat(".csv", "FORMAT csv, HEADER true, COMPRESSION none, USE_TMP_FILE false", is_csv=True),
    OutputFormat(".csv.gz", "FORMAT csv, HEADER true, COMPRESSION gzip, USE_TMP_FILE false", is_csv=True),
)


def output_format(path: Path) -> OutputFormat:
    """Return the format that the ending of an output's name stands for.

    Raises
    ------
    OutputError
        If the ending is none of ``.parquet``, ``.csv`` and ``.csv.gz``.
    """
    for known in _FORMATS:
        if path.name.lower().endswith(known.ending):
            return known
    raise OutputError(f"{path} ends in none of .parquet, .csv and .csv.gz; name a file that does.")

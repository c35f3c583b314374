"""The formats of tables, by the ending of the file's name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from pathlib import PurePath

Layout = Literal["parquet", "csv", "json_lines"]

_LAYOUTS: Final[dict[str, Layout]] = {
    ".parquet": "parquet",
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".jsonl": "json_lines",
    ".ndjson": "json_lines",
}
_GZIP: Final = ".gz"

TABLE_ENDINGS: Final = ".csv, .tsv, .txt, .jsonl, .ndjson (each also with .gz) or .parquet"
"""The endings as messages and help texts name them."""


@dataclass(frozen=True, slots=True)
class FileFormat:
    """How a file stores a table.

    Parameters
    ----------
    layout : 'parquet', 'csv' or 'json_lines'
    gzipped : bool
        Whether the file as a whole is compressed with gzip; never true for Parquet.
    """

    layout: Layout
    gzipped: bool = False

    @property
    def is_text(self) -> bool:
        """Whether the table is text once it is decompressed."""
        return self.layout != "parquet"


def file_format(path: PurePath) -> FileFormat | None:
    """Return the format that a file's name says, in capitals or not; None for another ending."""
    name = path.name.lower()
    gzipped = name.endswith(_GZIP)
    bare = name.removesuffix(_GZIP)
    for ending, layout in _LAYOUTS.items():
        if bare.endswith(ending) and not (gzipped and layout == "parquet"):
            return FileFormat(layout, gzipped)
    return None

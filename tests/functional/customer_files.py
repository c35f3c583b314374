"""Tables for the tests of commands, and a value that no message may show."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

CANARY = "SSN-111-22-3333"


def write_table(table: pd.DataFrame, path: Path) -> Path:
    """Write a table as CSV or Parquet, by the path's ending."""
    if path.suffix == ".csv":
        table.to_csv(path, index=False)
    else:
        table.to_parquet(path)
    return path


def empty_file(path: Path, table: pd.DataFrame) -> None:
    """Write an empty file and ignore the table."""
    del table
    path.touch()

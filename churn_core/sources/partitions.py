"""Partition columns: folders called ``column=value``, as Hive, Spark and DuckDB write them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from churn_core.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

_MISSING: Final = "__HIVE_DEFAULT_PARTITION__"

PartitionValues = tuple[tuple[str, str | None], ...]
"""Each partition column with its value as text, or None where it is missing."""


def partition_values(folders: Sequence[str]) -> PartitionValues:
    """Read the partition columns from the names of the folders above a file.

    Parameters
    ----------
    folders : sequence of str
        From the outermost to the innermost. Those without ``=`` are no partition.

    Raises
    ------
    DataError
        If a column occurs twice, or a name holds NUL or is not UTF-8.
    """
    found: list[tuple[str, str | None]] = []
    for folder in folders:
        if is_partition(folder):
            column, _, value = folder.partition("=")
            found.append((unquote(column), None if value in ("", _MISSING) else unquote(value)))
    for column, text in found:
        if "\0" in f"{column}{text}" or "\ufffd" in f"{column}{text}":
            raise DataError(
                f"The path {'/'.join(folders)} holds a name that is not UTF-8; rename the folder."
            )
    name, count = Counter(column for column, _ in found).most_common(1)[0] if found else ("", 0)
    if count > 1:
        raise DataError(
            f"The path {'/'.join(folders)} has the partition column {name!r} twice; rename one of its"
            " folders."
        )
    return tuple(found)


def is_partition(folder: str) -> bool:
    """Return whether a folder's name gives a partition column and its value."""
    return folder.find("=") > 0

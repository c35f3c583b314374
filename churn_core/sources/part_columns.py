"""The columns of a table's parts, compared before the first part is scored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from churn_core.errors import DataError, InputFileError
from churn_core.scoring.column_names import match_names, missing_advice
from churn_core.scoring.parquet.footer import Footer, read_column_names, read_footer, read_footer_bytes
from churn_core.scoring.parquet.input_checks import check_magic
from churn_core.scoring.parquet.thrift_compact import ThriftError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from churn_core.schema import Contract
    from churn_core.sources.parts import PartedTable


def check_parts(table: PartedTable, contract: Contract, *, match_case_insensitive: bool) -> int | None:
    """Check that each Parquet part has the columns of a data contract; other formats name them when read.

    Returns
    -------
    int or None
        The rows of all parts; None if they are not Parquet.

    Raises
    ------
    InputFileError
        If a part is no Parquet file, or lacks a column.
    """
    if table.kind != "Parquet":
        return None
    needed = [*([contract.id_column] if contract.id_column else []), *contract.columns]
    rows = 0
    for part in table.parts:
        found, names = _read(part.path)
        names += [column for column, _ in part.partitions]
        _check_columns(part.path, needed, names, match_case_insensitive=match_case_insensitive)
        rows += found.rows
    return rows


def _read(path: Path) -> tuple[Footer, list[str]]:
    try:
        check_magic(path)
        with path.open("rb") as file:
            _, footer = read_footer_bytes(file)
        return read_footer(footer), read_column_names(footer)
    except InputFileError as error:
        raise InputFileError(error.code, f"{path}: {error}") from error
    except ThriftError:
        raise InputFileError("corrupt", f"{path} is damaged; write or copy it again.") from None
    except OSError as error:
        raise DataError(f"{path} can't be read ({error.strerror}); check its permissions.") from error


def _check_columns(
    path: Path, needed: Sequence[str], names: Sequence[str], *, match_case_insensitive: bool
) -> None:
    matches = match_names(needed, names) if match_case_insensitive else {}
    present = {matches.get(name, name) for name in names}
    for name in needed:
        if name not in present:
            raise InputFileError(
                "schema", f"The column {name!r} is missing from {path}; {missing_advice(name, names)}."
            )

"""A file's columns under the names of the data contract, with the columns of its partition."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from churn_core.errors import InputFileError
from churn_core.schema import alike_key
from churn_core.scoring.column_names import match_names
from churn_core.scoring.files.sql_text import quote_identifier, quote_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from churn_core.schema import Contract
    from churn_core.scoring.parquet.input_checks import FileLayout

PARQUET_FILE: Final = "read_parquet($path, hive_partitioning=false)"


def named_table(
    contract: Contract,
    layout: FileLayout,
    constants: Mapping[str, str | None],
    *,
    match_case_insensitive: bool,
    file: str = PARQUET_FILE,
) -> tuple[FileLayout, str]:
    """Return the layout and the SQL of a table that has the contract's names.

    Parameters
    ----------
    contract : Contract
    layout : FileLayout
        Of the file.
    constants : mapping
        Columns that the file does not have, each with its text in every row, or None.
    match_case_insensitive : bool
        Whether columns whose names differ in case or surrounding blanks are renamed to the contract's names.

    file : str
        The SQL of the file itself.

    Returns
    -------
    tuple of (FileLayout, str)

    Raises
    ------
    InputFileError
        ``schema`` if a constant is also a column of the file, or if names match several columns.
    """
    needed = (*([contract.id_column] if contract.id_column else []), *contract.columns, contract.target)
    names = list(layout.types)
    repeated = next((name for name in constants if alike_key(name) in map(alike_key, names)), None)
    if repeated is not None:
        raise InputFileError(
            "schema", f"Column {repeated!r} is in the file and in its path; remove it from one of the two."
        )
    matches = match_names(needed, [*names, *constants]) if match_case_insensitive else {}
    if not constants and not matches:
        return layout, file
    kinds = {**layout.types, **dict.fromkeys(constants, "VARCHAR")}
    types = {matches.get(name, name): kind for name, kind in kinds.items()}
    sources = {matches.get(name, name): quote_identifier(name) for name in names}
    for name, text in constants.items():
        value = "NULL" if text is None else quote_text(text)
        sources[matches.get(name, name)] = f"{value}::VARCHAR"
    columns = [f"{sources[name]} AS {quote_identifier(name)}" for name in needed if name in sources]
    # A table needs a column; encoding then names the one that is missing.
    return replace(layout, types=types), f"(SELECT {', '.join(columns or ['1'])} FROM {file})"

"""Tables and records from files, in the format that the file's name says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from churn_core.data.csv_files import cells_are_text, load_csv
from churn_core.data.parquet_files import load_parquet
from churn_core.errors import DataError
from churn_core.scoring.files.unchanged import unchanged
from churn_core.scoring.records.values import ValueRefusedError, parse_number_text

if TYPE_CHECKING:
    from os import PathLike

    import pandas as pd

    from churn_core.schema import Contract


def load_table(path: str | PathLike[str], contract: Contract | None = None) -> pd.DataFrame:
    """Read a table from a ``.csv`` or ``.parquet`` file.

    Parameters
    ----------
    path : path-like
    contract : Contract, optional
        See `load_csv`.

    Raises
    ------
    DataError
        If the file name has another ending, or the file can't be read or is changed meanwhile.
    """
    ending = Path(path).suffix.lower()
    with unchanged(Path(path)):
        if ending == ".csv":
            return load_csv(path, contract)
        if ending == ".parquet":
            return load_parquet(path)
    raise DataError(f"{path} ends neither in .csv nor in .parquet; convert it to one of the two.")


def table_records(path: Path, contract: Contract) -> list[dict[str, Any]]:
    """Read a CSV or Parquet file as records, without the columns that the contract does not name.

    Parameters
    ----------
    path : Path
    contract : Contract

    Returns
    -------
    list of dict
        Plain Python values; None where a value is missing.

    Raises
    ------
    DataError
        If the file can't be read or a column is missing.
    """
    table = load_table(path, contract)
    missing = [name for name in contract.names if name not in table.columns]
    if missing:
        raise DataError(f"Column {missing[0]!r} is missing from {path}; add it.")
    names = [*([contract.id_column] if contract.id_column in table.columns else []), *contract.names]
    columns = {name: _python_values(table[name]) for name in names if name is not None}
    if cells_are_text(table):
        for feature in contract.numbers:
            columns[feature.name] = [_number(cell) for cell in columns[feature.name]]
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _python_values(series: pd.Series[Any]) -> list[Any]:
    return [None if missing else value for value, missing in zip(series.tolist(), series.isna(), strict=True)]


def _number(cell: str) -> float | str:
    """Parse a text cell; text that is not a number stays text, which the encoder refuses."""
    try:
        return parse_number_text(cell)
    except ValueRefusedError:
        return cell

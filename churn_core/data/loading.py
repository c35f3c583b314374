"""Tables and records from files, in the format that the file's name says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from churn_core.data.csv_files import cells_are_text, load_csv
from churn_core.data.parquet_files import load_parquet
from churn_core.errors import DataError
from churn_core.scoring.records.number_text import NumberText, ValueRefusedError
from churn_core.scoring.text_files.formats import TABLE_ENDINGS, file_format

if TYPE_CHECKING:
    from os import PathLike

    import pandas as pd

    from churn_core.reader_rules import ReaderRules
    from churn_core.schema import Contract


def load_table(
    path: str | PathLike[str], contract: Contract | None = None, rules: ReaderRules | None = None
) -> pd.DataFrame:
    """Read a table from a file of CSV, JSON lines or Parquet, as its name says.

    Parameters
    ----------
    path : path-like
    contract : Contract, optional
    rules : ReaderRules, optional
        See `load_csv`.

    Raises
    ------
    DataError
        If the file name has another ending, or the file can't be read.
    """
    kind = file_format(Path(path))
    if kind is None:
        raise DataError(f"{path} must end in {TABLE_ENDINGS}; rename or convert it.")
    return load_csv(path, contract, rules) if kind.is_text else load_parquet(path)


def table_records(path: Path, contract: Contract) -> list[dict[str, Any]]:
    """Read a file of `load_table` as records, without the columns that the contract does not name.

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
    missing = [name for name in contract.columns if name not in table.columns]
    if missing:
        raise DataError(f"Column {missing[0]!r} is missing from {path}; add it.")
    names = [*([contract.id_column] if contract.id_column in table.columns else []), *contract.columns]
    columns = {name: _python_values(table[name]) for name in names if name is not None}
    if cells_are_text(table):
        for feature in contract.numbers:
            if feature.days is not None:
                continue
            text = NumberText(contract.reader.text, feature.signs)
            columns[feature.name] = [_number(cell, text) for cell in columns[feature.name]]
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _python_values(series: pd.Series[Any]) -> list[Any]:
    return [None if missing else value for value, missing in zip(series.tolist(), series.isna(), strict=True)]


def _number(cell: str, text: NumberText) -> float | str:
    """Parse a text cell; text that is not a number stays text, which the encoder refuses."""
    try:
        return text.parse(cell)
    except ValueRefusedError:
        return cell

"""Tables and records from files, in the format that the file's name says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from churn_core.data.files.csv_files import cells_are_text, load_csv
from churn_core.data.files.parquet_files import load_parquet
from churn_core.data.files.parted_tables import load_parts
from churn_core.errors import DataError, InvalidRecordsError, ValueFault
from churn_core.scoring.column_names import match_names, missing_advice
from churn_core.scoring.files.unchanged import unchanged
from churn_core.scoring.records.ids import table_id
from churn_core.scoring.records.number_text import NumberText, ValueRefusedError
from churn_core.scoring.text_files.formats import TABLE_ENDINGS, file_format
from churn_core.sources.parts import PartedTable, is_parted, list_parts

if TYPE_CHECKING:
    from os import PathLike

    import pandas as pd

    from churn_core.reader_rules import ReaderRules
    from churn_core.schema import Contract, IdType
    from churn_core.sources.parts import Part


def load_table(
    source: str | PathLike[str] | PartedTable,
    contract: Contract | None = None,
    rules: ReaderRules | None = None,
    *,
    match_case_insensitive: bool = False,
) -> pd.DataFrame:
    """Read a table from a file of CSV, JSON lines or Parquet, or from a folder or a pattern of such files.

    Parameters
    ----------
    source : path-like or PartedTable
        The parts of a folder are read in the order of their names. Folders called ``column=value`` give
        columns of text.
    contract : Contract, optional
        See `load_csv`. Of a folder's parts, only the columns that it names must agree.
    rules : ReaderRules, optional
        See `load_csv`.
    match_case_insensitive : bool
        Whether columns whose names differ from the contract's in case or surrounding blanks are renamed.

    Raises
    ------
    DataError
        If the file name has another ending, the file can't be read or is changed meanwhile, parts do not fit
        each other, or names match several columns.
    """
    if not isinstance(source, PartedTable):
        path = Path(source)
        if not is_parted(path):
            return _matched(_load_file(path, contract, rules), contract, match_case_insensitive)
        source = list_parts(path)

    def load(part: Part) -> pd.DataFrame:
        return _matched(_load_file(part.path, contract, rules), contract, match_case_insensitive)

    needed = None if contract is None else needed_columns(contract)
    # Again, because the columns of the partition have names too.
    return _matched(load_parts(source, load, needed), contract, match_case_insensitive)


def needed_columns(contract: Contract) -> tuple[str, ...]:
    """Return the names of the columns that a contract names: the id, the features, the target."""
    return (*([contract.id_column] if contract.id_column else []), *contract.columns, contract.target)


def _load_file(path: Path, contract: Contract | None, rules: ReaderRules | None) -> pd.DataFrame:
    kind = file_format(path)
    if kind is None:
        raise DataError(f"{path} must end in {TABLE_ENDINGS}; rename or convert it.")
    with unchanged(path):
        return load_csv(path, contract, rules) if kind.is_text else load_parquet(path)


def _matched(table: pd.DataFrame, contract: Contract | None, match_case_insensitive: bool) -> pd.DataFrame:
    if contract is None or not match_case_insensitive:
        return table
    return table.rename(columns=match_names(needed_columns(contract), [str(name) for name in table.columns]))


def table_records(
    source: Path | PartedTable,
    contract: Contract,
    *,
    match_case_insensitive: bool = False,
    refuse_others: bool = False,
) -> list[dict[str, Any]]:
    """Read a table of `load_table` as records, without the columns that the contract does not name.

    Parameters
    ----------
    source, contract, match_case_insensitive
        As in `load_table`.
    refuse_others : bool
        Whether a column that the contract does not name is an error; the target's is none.

    Returns
    -------
    list of dict
        Plain Python values; None where a value is missing.

    Raises
    ------
    DataError
        If the file can't be read or a column is missing.
    InvalidRecordsError
        If a row's id is missing, or is not of the type that training learnt. ``churn score`` rejects such
        rows.
    """
    table = load_table(source, contract, match_case_insensitive=match_case_insensitive)
    missing = [name for name in contract.columns if name not in table.columns]
    where = source.source if isinstance(source, PartedTable) else source
    others = set(map(str, table.columns)) - set(needed_columns(contract))
    if refuse_others and others:
        raise DataError(
            f"Column {min(others)!r} of {where} is not known to the model; remove it, or use --other-columns"
            " ignore."
        )
    if missing:
        advice = missing_advice(missing[0], map(str, table.columns))
        raise DataError(f"Column {missing[0]!r} is missing from {where}; {advice}.")
    names = [*([contract.id_column] if contract.id_column in table.columns else []), *contract.columns]
    columns = {name: _python_values(table[name]) for name in names if name is not None}
    if contract.id_column in columns:
        columns[contract.id_column] = _ids(contract.id_column, columns[contract.id_column], contract.id_type)
    if cells_are_text(table):
        for feature in contract.numbers:
            if feature.days is None and feature.name in columns:
                text = NumberText(contract.reader.text, feature.signs)
                columns[feature.name] = [_number(cell, text) for cell in columns[feature.name]]
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _python_values(series: pd.Series[Any]) -> list[Any]:
    return [None if missing else value for value, missing in zip(series.tolist(), series.isna(), strict=True)]


def _ids(name: str, values: list[Any], id_type: IdType | None) -> list[Any]:
    ids: list[Any] = []
    faults: list[ValueFault] = []
    for row, value in enumerate(values):
        try:
            ids.append(table_id(value, id_type))
        except ValueRefusedError as refused:
            faults.append(ValueFault(row, name, refused.code))
    if faults:
        raise InvalidRecordsError(faults)
    return ids


def _number(cell: str, text: NumberText) -> float | str:
    """Parse a text cell; text that is not a number stays text, which the encoder refuses."""
    try:
        return text.parse(cell)
    except ValueRefusedError:
        return cell

"""The SQL that encodes a file's columns by the rules of `churn_core.scoring.records.values`.

Each feature becomes one column of the query. A category becomes its code: known values in the order of the
vocabulary, then unknown, missing, and one code for each reject code. A number becomes a DOUBLE with NaN for
missing. Numbers are checked after the query, because DuckDB trusts a file's statistics, which may be wrong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from churn_core.errors import InputFileError
from churn_core.schema import CategoryFeature, NumberFeature
from churn_core.scoring.column_names import other_table
from churn_core.scoring.files.sql.categories import category_code, category_types
from churn_core.scoring.files.sql.dates import day_column
from churn_core.scoring.files.sql.ids import id_columns
from churn_core.scoring.files.sql.numbers import number_from_text, number_text_fault
from churn_core.scoring.files.sql.text import (
    INTEGER_TYPES,
    missing_column,
    quote_identifier,
    quote_text,
    type_family,
    type_fault,
)
from churn_core.scoring.records.number_text import NumberText

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from churn_core.schema import Contract

NUMBER_TYPES: Final = INTEGER_TYPES | {"FLOAT", "DOUBLE"}

MALFORMED: Final = "malformed"
"""The column of encoded batches of text files that marks malformed rows."""


def faulty_columns(contract: Contract) -> tuple[str, ...]:
    """Return the columns of a table that can be the reason of a rejection: the id, then the features'."""
    return (*([contract.id_column] if contract.id_column is not None else []), *contract.columns)


def kept_name(place: int) -> str:
    """Return the encoded name of a column that scored files repeat."""
    return f"kept_{place}"


def kept_columns(keep: Sequence[str], types: Mapping[str, str]) -> dict[str, str]:
    """Return the SELECT expressions of the columns that scored files repeat, as text, by the file's column.

    Raises
    ------
    InputFileError
        ``schema`` if a column is missing.
    """
    for name in keep:
        if name not in types:
            raise missing_column(name, types)
    return {
        # An empty cell of a text file has no value.
        name: f"nullif({quote_identifier(name)}::VARCHAR, '') AS {kept_name(place)}"
        for place, name in enumerate(keep)
    }


def vocabulary_types(contract: Contract) -> list[str]:
    """Return the SQL statements that create an enum type for each category's vocabulary."""
    return [
        f"CREATE TYPE {_enum_name(position)} AS ENUM ({', '.join(map(quote_text, feature.vocabulary))})"
        for position, feature in enumerate(contract.features)
        if isinstance(feature, CategoryFeature)
    ]


def refuse_other_table(contract: Contract, names: Collection[str]) -> None:
    """Check that a file has most of the columns of the features.

    Raises
    ------
    InputFileError
        ``schema`` if it is another table altogether.
    """
    other = other_table(contract.columns, tuple(names), "this model")
    if other is not None:
        raise InputFileError(
            "schema",
            f"{other[0].upper()}{other[1:]}; name the model of this table with --model, or train one.",
        )


def encoded_columns(contract: Contract, types: Mapping[str, str]) -> list[str]:
    """Return the SELECT expressions that encode the id and every feature; see `encodings_by_column`."""
    return [sql for encodings in encodings_by_column(contract, types).values() for sql in encodings]


def encodings_by_column(
    contract: Contract, types: Mapping[str, str], *, text_cells: bool = False
) -> dict[str, list[str]]:
    """Return the SELECT expressions that encode the id and every feature, by the file's column.

    Parameters
    ----------
    contract : Contract
        With vocabularies.
    types : mapping
        DuckDB's type of each column of the file, by name.
    text_cells : bool
        Whether every cell is text, as in a CSV file, so that every number may be text.

    Returns
    -------
    dict
        For each column that the contract needs, expressions of its values alone:
        ``id`` and ``id_fault`` if the contract has an id column; ``c0``, ``c1``, ... in contract order;
        ``w<i>`` after each number that is read from text: the text's `reject_number`, or 0. The days
        between dates have no ``c<i>``, but ``d0``, ``d1``, ...: the days of the contract's date columns (see
        `day_column`). Only ``id`` can be NULL.

    Raises
    ------
    InputFileError
        ``schema`` if a column is missing or has a type that its feature does not accept.
    """
    columns: dict[str, list[str]] = {}
    refuse_other_table(contract, types)
    if contract.id_column is not None:
        columns[contract.id_column] = id_columns(contract, types)
    for name in contract.columns:
        if name not in types:
            raise missing_column(name, types)
    for position, feature in enumerate(contract.features):
        if isinstance(feature, NumberFeature) and feature.days is not None:
            continue
        if isinstance(feature, CategoryFeature):
            encodings = _category(position, feature, types[feature.name])
        else:
            encodings = _number(position, feature, types[feature.name], contract, text_cells=text_cells)
        columns.setdefault(feature.name, []).extend(encodings)
    for position, name in enumerate(contract.date_columns):
        day = day_column(name, types[name], contract.reader.text)
        columns.setdefault(name, []).append(f"{day} AS d{position}")
    return columns


def _category(position: int, feature: CategoryFeature, stored: str) -> list[str]:
    column = quote_identifier(feature.name)
    kind = "VARCHAR" if stored == '"NULL"' else type_family(stored)
    # The text of a decimal without digits after the point is that of a whole number.
    if kind not in category_types(feature) and not stored.endswith(",0)"):
        raise type_fault(feature.name, kind, "text, whole numbers or booleans")
    return [f"{category_code(column, kind, feature, _enum_name(position))} AS c{position}"]


def _number(
    position: int, feature: NumberFeature, stored: str, contract: Contract, *, text_cells: bool
) -> list[str]:
    column = quote_identifier(feature.name)
    kind = "DOUBLE" if stored == '"NULL"' else type_family(stored)
    if kind == "VARCHAR" and (feature.stored_as_text or text_cells):
        text = NumberText(contract.reader.text, feature.signs)
        return [
            f"{number_from_text(column, text)} AS c{position}",
            f"{number_text_fault(column, text)} AS w{position}",
        ]
    if kind in NUMBER_TYPES or kind == "DECIMAL":
        return [f"coalesce({column}::DOUBLE, 'nan'::DOUBLE) AS c{position}"]
    raise type_fault(feature.name, kind, "numbers or text" if feature.stored_as_text else "numbers")


def _enum_name(position: int) -> str:
    return f"vocabulary_{position}"

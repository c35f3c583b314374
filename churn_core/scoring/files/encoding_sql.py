"""The SQL that encodes a file's columns by the rules of `churn_core.scoring.records.values`.

Each feature becomes one column of the query. A category becomes its code: known values in the order of the
vocabulary, then unknown, missing, and one code for each reject code. A number becomes a DOUBLE with NaN for
missing. Numbers are checked after the query, because DuckDB trusts a file's statistics, which may be wrong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from churn_core.schema import CategoryFeature, NumberFeature
from churn_core.scoring.files.category_sql import category_code, category_types
from churn_core.scoring.files.date_sql import day_column
from churn_core.scoring.files.id_sql import id_columns
from churn_core.scoring.files.number_sql import number_from_text, number_text_fault
from churn_core.scoring.files.sql_text import (
    INTEGER_TYPES,
    missing_column,
    quote_identifier,
    quote_text,
    type_family,
    type_fault,
)
from churn_core.scoring.records.number_text import NumberText

if TYPE_CHECKING:
    from collections.abc import Mapping

    from churn_core.schema import Contract

NUMBER_TYPES: Final = INTEGER_TYPES | {"FLOAT", "DOUBLE"}

MALFORMED: Final = "malformed"
"""The column of encoded batches of text files that marks malformed rows."""


def vocabulary_types(contract: Contract) -> list[str]:
    """Return the SQL statements that create an enum type for each category's vocabulary."""
    return [
        f"CREATE TYPE {_enum_name(position)} AS ENUM ({', '.join(map(quote_text, feature.vocabulary))})"
        for position, feature in enumerate(contract.features)
        if isinstance(feature, CategoryFeature)
    ]


def encoded_columns(contract: Contract, types: Mapping[str, str], *, text_cells: bool = False) -> list[str]:
    """Return the SELECT expressions that encode the id and every feature.

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
    list of str
        ``id`` and ``id_fault`` if the contract has an id column; ``c0``, ``c1``, ... in contract order;
        ``w<i>`` after each number that is read from text: the text's `reject_number`, or 0. The days
        between dates have no ``c<i>``, but ``d0``, ``d1``, ...: the days of the contract's date columns (see
        `day_column`). Only ``id`` can be NULL.

    Raises
    ------
    InputFileError
        ``schema`` if a column is missing or has a type that its feature does not accept.
    """
    columns = id_columns(contract, types)
    for name in contract.columns:
        if name not in types:
            raise missing_column(name, types)
    for position, feature in enumerate(contract.features):
        if isinstance(feature, NumberFeature) and feature.days is not None:
            continue
        column, kind = quote_identifier(feature.name), type_family(types[feature.name])
        if kind == '"NULL"':
            kind = "VARCHAR" if isinstance(feature, CategoryFeature) else "DOUBLE"
        if isinstance(feature, CategoryFeature):
            # The text of a decimal without digits after the point is that of a whole number.
            if kind not in category_types(feature) and not types[feature.name].endswith(",0)"):
                raise type_fault(feature.name, kind, "text, whole numbers or booleans")
            code = category_code(column, kind, feature, _enum_name(position))
            columns.append(f"{code} AS c{position}")
        elif kind == "VARCHAR" and (feature.stored_as_text or text_cells):
            text = NumberText(contract.reader.text, feature.signs)
            columns.append(f"{number_from_text(column, text)} AS c{position}")
            columns.append(f"{number_text_fault(column, text)} AS w{position}")
        elif kind in NUMBER_TYPES or kind == "DECIMAL":
            columns.append(f"coalesce({column}::DOUBLE, 'nan'::DOUBLE) AS c{position}")
        else:
            raise type_fault(feature.name, kind, "numbers or text" if feature.stored_as_text else "numbers")
    return columns + [
        f"{day_column(name, types[name], contract.reader.text)} AS d{position}"
        for position, name in enumerate(contract.date_columns)
    ]


def _enum_name(position: int) -> str:
    return f"vocabulary_{position}"

"""The SQL that encodes a file's columns by the rules of `churn_core.scoring.records.values`.

Each feature becomes one column of the query. A category becomes its code: known values in the order of the
vocabulary, then unknown, missing, and one code for each reject code. A number becomes a DOUBLE with NaN for
missing. Numbers are checked after the query, because DuckDB trusts a file's statistics, which may be wrong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from churn_core.errors import reject_number
from churn_core.schema import MAX_TEXT_LENGTH, CategoryFeature
from churn_core.scoring.files.id_sql import id_columns
from churn_core.scoring.files.sql_text import (
    BLANK_SQL,
    INTEGER_TYPES,
    missing_column,
    quote_identifier,
    quote_text,
    type_family,
    type_fault,
)
from churn_core.scoring.records.values import NUMBER_TEXT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from churn_core.schema import Contract

CATEGORY_TYPES: Final = INTEGER_TYPES | {"VARCHAR", "BOOLEAN"}
NUMBER_TYPES: Final = INTEGER_TYPES | {"FLOAT", "DOUBLE"}

# Both cases are written out because DuckDB's lower() also turns other letters (U+0130) into an i.
_INFINITY_TEXT: Final = "[+-]?[iI][nN][fF]([iI][nN][iI][tT][yY])?"
_NO_NUMBER_WORDS: Final = f"([+-]?[nN][aA][nN]|{_INFINITY_TEXT})?"


def refused_code(feature: CategoryFeature, number: int) -> int:
    """Return the code of a category value that was refused with this `reject_number`."""
    return feature.missing_code + number


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
        ``w<i>`` after each number that is read from text: the text's `reject_number`, or 0. Only ``id``
        can be NULL.

    Raises
    ------
    InputFileError
        ``schema`` if a column is missing or has a type that its feature does not accept.
    """
    columns = id_columns(contract, types)
    for position, feature in enumerate(contract.features):
        if feature.name not in types:
            raise missing_column(feature.name, types)
        column, kind = quote_identifier(feature.name), type_family(types[feature.name])
        if kind == '"NULL"':
            kind = "VARCHAR" if isinstance(feature, CategoryFeature) else "DOUBLE"
        if isinstance(feature, CategoryFeature):
            # The text of a decimal without digits after the point is that of a whole number.
            if kind not in CATEGORY_TYPES and not types[feature.name].endswith(",0)"):
                raise type_fault(feature.name, kind, "text, whole numbers or booleans")
            columns.append(f"{_category(column, feature, position)} AS c{position}")
        elif kind == "VARCHAR" and (feature.stored_as_text or text_cells):
            bare = f"trim({column}, {BLANK_SQL})"
            columns.append(f"{_number_from_text(bare)} AS c{position}")
            columns.append(f"{_text_fault(column, bare)} AS w{position}")
        elif kind in NUMBER_TYPES or kind == "DECIMAL":
            columns.append(f"coalesce({column}::DOUBLE, 'nan'::DOUBLE) AS c{position}")
        else:
            raise type_fault(feature.name, kind, "numbers or text" if feature.stored_as_text else "numbers")
    return columns


def _enum_name(position: int) -> str:
    return f"vocabulary_{position}"


def _category(column: str, feature: CategoryFeature, position: int) -> str:
    enum = _enum_name(position)
    text = f"{column}::VARCHAR"
    too_long, invalid = (
        refused_code(feature, reject_number(code)) for code in ("too_long", "invalid_unicode")
    )
    # Nearly all values are in the vocabulary and need only the first cast.
    return (
        f"(coalesce(enum_code(try_cast({text} AS {enum})), CASE"
        f" WHEN {column} IS NULL THEN {feature.missing_code}"
        f" WHEN trim({text}, {BLANK_SQL}) = '' THEN {feature.missing_code}"
        f" WHEN length({text}) > {MAX_TEXT_LENGTH} THEN {too_long}"
        f" WHEN contains({text}, chr(0)) THEN {invalid}"
        f" WHEN length(nfc_normalize({text})) > {MAX_TEXT_LENGTH} THEN {too_long}"
        f" ELSE coalesce(enum_code(try_cast(nfc_normalize({text}) AS {enum})), {feature.unknown_code})"
        f" END))::USMALLINT"
    )


def _number_from_text(bare: str) -> str:
    return (
        f"CASE WHEN regexp_full_match({bare}, {quote_text(NUMBER_TEXT)}) THEN try_cast({bare} AS DOUBLE)"
        f" WHEN regexp_full_match({bare}, {quote_text(_INFINITY_TEXT)}) THEN 'inf'::DOUBLE"
        " ELSE 'nan'::DOUBLE END"
    )


def _text_fault(column: str, bare: str) -> str:
    number, word = (
        f"regexp_full_match({bare}, {quote_text(pattern)})" for pattern in (NUMBER_TEXT, _NO_NUMBER_WORDS)
    )
    return (
        f"(CASE WHEN length({column}) > {MAX_TEXT_LENGTH} AND {bare} <> ''"
        f" THEN {reject_number('too_long')}"
        f" WHEN NOT {number} AND NOT {word} THEN {reject_number('wrong_type')}"
        " ELSE 0 END)::UTINYINT"
    )

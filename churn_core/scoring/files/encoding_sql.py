"""The SQL that encodes a file's columns by the rules of `churn_core.scoring.records.values`.

Each feature becomes one column of the query. A category becomes its code: known values in the order of the
vocabulary, then unknown, missing, and one code for each reject code. A number becomes a DOUBLE with NaN for
missing. Numbers are checked after the query, because DuckDB trusts a file's statistics, which may be wrong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from churn_core.errors import InputFileError, reject_number
from churn_core.schema import MAX_TEXT_LENGTH, CategoryFeature
from churn_core.scoring.records.values import BLANK, NUMBER_TEXT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from churn_core.schema import Contract

INTEGER_TYPES: Final = frozenset(
    {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"}
    | {"UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"}
)
CATEGORY_TYPES: Final = INTEGER_TYPES | {"VARCHAR", "BOOLEAN"}
NUMBER_TYPES: Final = INTEGER_TYPES | {"FLOAT", "DOUBLE"}
ID_TYPES: Final = INTEGER_TYPES | {"VARCHAR", "UUID", "DATE", "BOOLEAN", "FLOAT", "DOUBLE"}

# Both cases are written out because DuckDB's lower() also turns other letters (U+0130) into an i.
_INFINITY_TEXT: Final = "[+-]?[iI][nN][fF]([iI][nN][iI][tT][yY])?"
_NO_NUMBER_WORDS: Final = f"([+-]?[nN][aA][nN]|{_INFINITY_TEXT})?"

_BLANK_SQL: Final = "E'" + "".join(f"\\x{ord(character):02x}" for character in BLANK) + "'"


def quote_identifier(name: str) -> str:
    """Quote a column's name for SQL."""
    return '"' + name.replace('"', '""') + '"'


def quote_text(text: str) -> str:
    """Quote text for SQL."""
    return "'" + text.replace("'", "''") + "'"


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
        ``id`` and ``id_missing`` if the contract has an id column; ``c0``, ``c1``, ... in contract order;
        ``w<i>`` after each number that is read from text: the text's `reject_number`, or 0. Only ``id``
        can be NULL.

    Raises
    ------
    InputFileError
        ``schema`` if a column is missing or has a type that its feature does not accept.
    """
    columns = [] if contract.id_column is None else _id_columns(contract.id_column, types)
    for position, feature in enumerate(contract.features):
        if feature.name not in types:
            raise InputFileError("schema", f"Column {feature.name!r} is missing from the file; add it.")
        column, kind = quote_identifier(feature.name), _type_family(types[feature.name])
        if kind == '"NULL"':
            kind = "VARCHAR" if isinstance(feature, CategoryFeature) else "DOUBLE"
        if isinstance(feature, CategoryFeature):
            if kind not in CATEGORY_TYPES:
                raise _type_fault(feature.name, kind, "text, whole numbers or booleans")
            columns.append(f"{_category(column, feature, position)} AS c{position}")
        elif kind == "VARCHAR" and (feature.stored_as_text or text_cells):
            bare = f"trim({column}, {_BLANK_SQL})"
            columns.append(f"{_number_from_text(bare)} AS c{position}")
            columns.append(f"{_text_fault(column, bare)} AS w{position}")
        elif kind in NUMBER_TYPES or kind == "DECIMAL":
            columns.append(f"coalesce({column}::DOUBLE, 'nan'::DOUBLE) AS c{position}")
        else:
            raise _type_fault(feature.name, kind, "numbers or text" if feature.stored_as_text else "numbers")
    return columns


def check_id_type(name: str, types: Mapping[str, str]) -> str:
    """Return the type of the id column.

    Raises
    ------
    InputFileError
        ``schema`` if the column is missing or has a type that can't be copied to the output.
    """
    if name not in types:
        raise InputFileError("schema", f"The id column {name!r} is missing from the file; add it.")
    if types[name] == '"NULL"':
        return "VARCHAR"
    if _type_family(types[name]) not in ID_TYPES:
        raise _type_fault(name, _type_family(types[name]), "text, whole numbers, UUIDs or dates")
    return types[name]


def _id_columns(name: str, types: Mapping[str, str]) -> list[str]:
    kind = check_id_type(name, types)
    column = quote_identifier(name)
    if types[name] == '"NULL"':
        column = f"{column}::VARCHAR"
    missing = f"{column} IS NULL"
    if kind == "VARCHAR":
        # Text that is >= '!' does not start with a blank. Trimming every id takes half of the reading time.
        missing = (
            f"CASE WHEN {column} >= '!' THEN false ELSE {missing} OR trim({column}, {_BLANK_SQL}) = '' END"
        )
    return [f"{column} AS id", f"({missing})::UTINYINT AS id_missing"]


def _enum_name(position: int) -> str:
    return f"vocabulary_{position}"


def _type_family(type_name: str) -> str:
    return "DECIMAL" if type_name.startswith("DECIMAL") else type_name


def _type_fault(name: str, kind: str, allowed: str) -> InputFileError:
    shown = kind if kind.isalpha() else "nested"
    return InputFileError("schema", f"Column {name!r} is of type {shown}; write it as {allowed}.")


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
        f" WHEN trim({text}, {_BLANK_SQL}) = '' THEN {feature.missing_code}"
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

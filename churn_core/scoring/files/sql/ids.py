"""The SQL that turns the id column of a file into the id of the scored file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from churn_core.errors import reject_number
from churn_core.schema import MAX_TEXT_LENGTH
from churn_core.scoring.files.sql.text import (
    BLANK_SQL,
    INTEGER_TYPES,
    missing_column,
    quote_identifier,
    type_family,
    type_fault,
)
from churn_core.scoring.records.ids import WHOLE_WITH_POINT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from churn_core.schema import Contract, IdType

_FLOAT_DIGITS: Final = {"FLOAT": 2**24, "DOUBLE": 2**53}
"""Below this number every whole number in a floating-point column is the one that was written into it."""
_COPIED_TYPES: Final = INTEGER_TYPES | {"VARCHAR", "UUID", "DATE", "BOOLEAN", "FLOAT", "DOUBLE"}

_MISSING, _WRONG_TYPE, _TOO_LONG, _INVALID = map(
    reject_number, ("missing", "wrong_type", "too_long", "invalid_unicode")
)


def output_id_type(contract: Contract, types: Mapping[str, str]) -> str | None:
    """Return DuckDB's type of the ids in the scored file; None if the contract has no id column.

    Bundles of format 1 have no `id_type`. Their scored files keep the type of the input file.

    Raises
    ------
    InputFileError
        ``schema`` if the column is missing or has a type that no id can have.
    """
    name = contract.id_column
    if name is None:
        return None
    if name not in types:
        raise missing_column(name, types, "id column")
    if types[name] == '"NULL"':
        kind, stored = "VARCHAR", "VARCHAR"
    else:
        kind, stored = type_family(types[name]), types[name]
    if kind not in _COPIED_TYPES and not (kind == "DECIMAL" and contract.id_type):
        raise type_fault(name, kind, "text, whole numbers, UUIDs or dates")
    if contract.id_type is None:
        return stored
    return "BIGINT" if contract.id_type == "integer" else "VARCHAR"


def id_columns(contract: Contract, types: Mapping[str, str]) -> list[str]:
    """Return the SELECT expressions of ``id`` and ``id_fault``, its `reject_number` or 0.

    An id that is rejected is NULL; in bundles of format 1 it is the file's value.

    Raises
    ------
    InputFileError
        As `output_id_type`.
    """
    stored = output_id_type(contract, types)
    if contract.id_column is None or stored is None:
        return []
    column = quote_identifier(contract.id_column)
    kind = type_family(types[contract.id_column])
    if kind == '"NULL"':
        column, kind = f"{column}::VARCHAR", "VARCHAR"
    if contract.id_type is None:
        return [f"{column} AS id", f"({_blank(column, kind)})::UTINYINT * {_MISSING} AS id_fault"]
    value = _value(column, kind, contract.id_type)
    unfit = str(_WRONG_TYPE)
    if kind == "VARCHAR":
        value = f"CASE WHEN {_is_short_text(column)} THEN {value} END"
        unfit = (
            f"CASE WHEN length({column}) > {MAX_TEXT_LENGTH} THEN {_TOO_LONG}"
            f" WHEN contains({column}, chr(0)) THEN {_INVALID} ELSE {_WRONG_TYPE} END"
        )
    missing = _blank(column, kind)
    return [
        f"CASE WHEN NOT ({missing}) THEN {value} END AS id",
        f"(CASE WHEN {missing} THEN {_MISSING} WHEN ({value}) IS NULL THEN {unfit} ELSE 0 END)::UTINYINT"
        " AS id_fault",
    ]


def _blank(column: str, kind: str) -> str:
    if kind == "VARCHAR":
        # Text that is >= '!' does not start with a blank. Trimming every id takes half of the reading time.
        return (
            f"CASE WHEN {column} >= '!' THEN false"
            f" ELSE {column} IS NULL OR trim({column}, {BLANK_SQL}) = '' END"
        )
    return f"{column} IS NULL OR isnan({column})" if kind in _FLOAT_DIGITS else f"{column} IS NULL"


def _is_short_text(column: str) -> str:
    # Counting bytes is faster than counting characters, and enough for nearly every id.
    short = f"(strlen({column}) <= {MAX_TEXT_LENGTH} OR length({column}) <= {MAX_TEXT_LENGTH})"
    return f"{short} AND NOT contains({column}, chr(0))"


def _value(column: str, kind: str, id_type: IdType) -> str:
    """Return the expression of an id that is not missing; it is NULL where the id does not fit its type."""
    if kind in INTEGER_TYPES:
        return f"try_cast({column} AS BIGINT)" if id_type == "integer" else f"{column}::VARCHAR"
    if kind in _FLOAT_DIGITS:
        # A larger number has lost digits, so it may be another customer's.
        whole = f"CASE WHEN abs({column}) < {_FLOAT_DIGITS[kind]} THEN try_cast({column} AS BIGINT) END"
        if id_type == "integer":
            return f"CASE WHEN trunc({column}) = {column} THEN {whole} END"
        fraction = f"CASE WHEN isfinite({column}) THEN {column}::VARCHAR END"
        return f"CASE WHEN trunc({column}) = {column} THEN ({whole})::VARCHAR ELSE {fraction} END"
    if kind == "DECIMAL":
        is_whole = f"trunc({column}) = {column}"
        if id_type == "integer":
            return f"CASE WHEN {is_whole} THEN try_cast({column} AS BIGINT) END"
        whole = f"trunc({column})::DECIMAL(38, 0)::VARCHAR"
        return f"CASE WHEN {is_whole} THEN {whole} ELSE {column}::VARCHAR END"
    if id_type == "text":
        return f"{column}::VARCHAR"
    # UUIDs, dates and booleans are never whole numbers. '007' and '+7' are not written as BIGINT is.
    number = f"try_cast({column}::VARCHAR AS BIGINT)"
    # pandas writes a column of whole numbers as '7.0' if it once held a missing value.
    whole = f"regexp_extract({column}::VARCHAR, '^{WHOLE_WITH_POINT}$', 1)"
    return (
        f"CASE WHEN {number}::VARCHAR = {column}::VARCHAR THEN {number} ELSE try_cast({whole} AS BIGINT) END"
    )

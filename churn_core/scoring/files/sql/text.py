"""Names, texts and types in SQL, and the faults of columns of an untrusted file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from churn_core.errors import InputFileError
from churn_core.scoring.column_names import missing_advice
from churn_core.scoring.records.values import BLANK

if TYPE_CHECKING:
    from collections.abc import Iterable

INTEGER_TYPES: Final = frozenset(
    {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"}
    | {"UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"}
)

BLANK_SQL: Final = "E'" + "".join(f"\\x{ord(character):02x}" for character in BLANK) + "'"


def quote_identifier(name: str) -> str:
    """Quote a column's name for SQL."""
    return '"' + name.replace('"', '""') + '"'


def quote_text(text: str) -> str:
    """Quote text for SQL."""
    return "'" + text.replace("'", "''") + "'"


def type_family(type_name: str) -> str:
    """Return DuckDB's type without the digits of a decimal."""
    return "DECIMAL" if type_name.startswith("DECIMAL") else type_name


def missing_column(name: str, names: Iterable[str], what: str = "column") -> InputFileError:
    """Return the error about a column that a file lacks."""
    return InputFileError(
        "schema", f"The {what} {name!r} is missing from the file; {missing_advice(name, names)}."
    )


def type_fault(name: str, kind: str, allowed: str) -> InputFileError:
    """Return the error about a column whose type is not one of the allowed ones."""
    # The names of nested types and enums can hold customers' data.
    shown = kind if kind.replace(" ", "").isalpha() else "nested"
    return InputFileError(
        "schema", f"Column {name!r} is of type {shown}, but must be {allowed}; convert the column."
    )

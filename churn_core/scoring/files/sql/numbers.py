"""The SQL that reads numbers in text by the rules of `churn_core.scoring.records.number_text`."""

from __future__ import annotations

import string
from typing import TYPE_CHECKING, Final

from churn_core.errors import reject_number
from churn_core.schema import MAX_TEXT_LENGTH
from churn_core.scoring.files.sql.text import BLANK_SQL, quote_text

if TYPE_CHECKING:
    from churn_core.scoring.records.number_text import NumberText

# Both cases are written out because DuckDB's lower() also turns other letters (U+0130) into an i.
_INFINITY_TEXT: Final = "[+-]?[iI][nN][fF]([iI][nN][iI][tT][yY])?"
_NO_NUMBER_WORDS: Final = f"([+-]?[nN][aA][nN]|{_INFINITY_TEXT})?"


def number_from_text(column: str, text: NumberText) -> str:
    """Return the expression of a number in a text column: a DOUBLE, NaN where it is missing or refused."""
    bare = f"trim({column}, {BLANK_SQL})"
    missing = f" WHEN {_is_token(bare, text)} THEN 'nan'::DOUBLE" if text.tokens else ""
    # A number has no blanks at its ends. Trimming takes four times as long as matching, so it comes later.
    return (
        f"CASE{missing} WHEN {_matches(column, text.pattern)} THEN {_parsed(column, text)}"
        f" WHEN {_matches(bare, text.pattern)} THEN {_parsed(bare, text)}"
        f" WHEN {_matches(bare, _INFINITY_TEXT)} THEN 'inf'::DOUBLE"
        " ELSE 'nan'::DOUBLE END"
    )


def number_text_fault(column: str, text: NumberText) -> str:
    """Return the expression of a text's `reject_number`: 0 if it is a number or missing."""
    bare = f"trim({column}, {BLANK_SQL})"
    missing = f" WHEN {_is_token(bare, text)} THEN 0" if text.tokens else ""
    return (
        f"(CASE WHEN length({column}) > {MAX_TEXT_LENGTH} AND {bare} <> ''"
        f" THEN {reject_number('too_long')}{missing}"
        f" WHEN {_matches(column, text.pattern)} THEN 0"
        f" WHEN NOT {_matches(bare, text.pattern)} AND NOT {_matches(bare, _NO_NUMBER_WORDS)}"
        f" THEN {reject_number('wrong_type')}"
        " ELSE 0 END)::UTINYINT"
    )


def _parsed(number: str, text: NumberText) -> str:
    if text.sign_pattern:
        number = f"regexp_replace({number}, {quote_text(text.sign_pattern)}, '')"
    if not text.plain:
        # Characters without a counterpart are removed.
        number = f"translate({number}, {quote_text(text.decimal + text.removed)}, '.')"
    return f"try_cast({number} AS DOUBLE)"


def lower_ascii_sql(text: str) -> str:
    """Return the expression of `churn_core.scoring.records.number_text.lower_ascii`."""
    return f"translate({text}, '{string.ascii_uppercase}', '{string.ascii_lowercase}')"


def _is_token(bare: str, text: NumberText) -> str:
    return f"{lower_ascii_sql(bare)} IN ({', '.join(map(quote_text, text.tokens))})"


def _matches(bare: str, pattern: str) -> str:
    return f"regexp_full_match({bare}, {quote_text(pattern)})"

"""The SQL that encodes a category column by the rules of `churn_core.scoring.records.categories`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from churn_core.errors import reject_number
from churn_core.schema import MAX_TEXT_LENGTH
from churn_core.scoring.files.sql.numbers import lower_ascii_sql
from churn_core.scoring.files.sql.text import BLANK_SQL, INTEGER_TYPES, quote_text
from churn_core.scoring.records.categories import (
    BOOLEANS,
    DOT_ABOVE,
    WHOLE_TEXT,
    characters_to_fold,
)

if TYPE_CHECKING:
    from churn_core.schema import CategoryFeature

_FLOAT_TYPES: Final = frozenset({"FLOAT", "DOUBLE"})


def category_types(feature: CategoryFeature) -> frozenset[str]:
    """Return the families of types that a category accepts.

    A category of text accepts decimals without a fraction, too.
    """
    types = INTEGER_TYPES | {"VARCHAR", "BOOLEAN"}
    return types if feature.values == "text" else types | _FLOAT_TYPES | {"DECIMAL"}


def refused_code(feature: CategoryFeature, number: int) -> int:
    """Return the code of a category value that was refused with this `reject_number`."""
    return feature.missing_code + number


def category_code(column: str, kind: str, feature: CategoryFeature, enum: str) -> str:
    """Return the expression of a category's code.

    Parameters
    ----------
    column : str
        Quoted for SQL.
    kind : str
        The family of the column's type, from `category_types`.
    feature : CategoryFeature
        With its vocabulary.
    enum : str
        The name of the enum type of the vocabulary.
    """
    if feature.values != "text" and kind != "VARCHAR":
        return f"({_code_of_number(column, kind, feature, enum)})::USMALLINT"
    text = f"{column}::VARCHAR"
    composed = f"nfc_normalize({text})"
    too_long, invalid = (
        refused_code(feature, reject_number(code)) for code in ("too_long", "invalid_unicode")
    )
    # Nearly all values are in the vocabulary and need only the first cast.
    return (
        f"(coalesce({_code(text, enum)}, CASE"
        f" WHEN {column} IS NULL THEN {feature.missing_code}"
        f" WHEN trim({text}, {BLANK_SQL}) = '' THEN {feature.missing_code}"
        f" WHEN length({text}) > {MAX_TEXT_LENGTH} THEN {too_long}"
        f" WHEN contains({text}, chr(0)) THEN {invalid}"
        f" WHEN length({composed}) > {MAX_TEXT_LENGTH} THEN {too_long}"
        f"{_canonical_cases(composed, feature, enum)}"
        f" ELSE coalesce({_code(composed, enum)}, {feature.unknown_code})"
        f" END))::USMALLINT"
    )


def _code(text: str, enum: str) -> str:
    return f"enum_code(try_cast({text} AS {enum}))"


def _canonical_cases(text: str, feature: CategoryFeature, enum: str) -> str:
    """Return the branches for values that are compared in another form than their text."""
    if feature.normalise:
        folded = _folded(text, feature)
        code = f"coalesce({_code(folded, enum)}, {feature.unknown_code})"
        return f" WHEN {folded} = '' THEN {feature.missing_code} WHEN true THEN {code}"
    if feature.values == "text":
        return ""
    bare = f"trim({text}, {BLANK_SQL})"
    whole = f"regexp_extract({bare}, {quote_text(WHOLE_TEXT)}, 1)"
    words = " ".join(f"WHEN {quote_text(word)} THEN {quote_text(BOOLEANS[word])}" for word in BOOLEANS)
    word = f"CASE {lower_ascii_sql(bare)} {words} END"
    number = f"CASE {whole} WHEN '-0' THEN '0' ELSE {whole} END"
    return (
        f" WHEN regexp_full_match({bare}, {quote_text(WHOLE_TEXT)})"
        f" THEN {_code_of_whole(number, feature, enum)}"
        f" WHEN ({word}) IS NOT NULL THEN {_code_of_whole(word, feature, enum)}"
    )


def _code_of_number(column: str, kind: str, feature: CategoryFeature, enum: str) -> str:
    """Return the code of a column of numbers or booleans, which is compared by value."""
    missing = f"WHEN {column} IS NULL THEN {feature.missing_code}"
    too_long, infinite = (refused_code(feature, reject_number(code)) for code in ("too_long", "not_finite"))
    if kind == "BOOLEAN":
        return f"CASE {missing} ELSE {_code_of_whole(f'{column}::TINYINT::VARCHAR', feature, enum)} END"
    if kind in INTEGER_TYPES:
        return f"CASE {missing} ELSE {_code_of_whole(f'{column}::VARCHAR', feature, enum)} END"
    is_fraction = f"WHEN trunc({column}) <> {column} THEN {feature.unknown_code}"
    if kind == "DECIMAL":
        whole = f"trunc({column})::DECIMAL(38, 0)::VARCHAR"
        return f"CASE {missing} {is_fraction} ELSE {_code_of_whole(whole, feature, enum)} END"
    whole = f"try_cast({column} AS HUGEINT)"
    return (
        f"CASE {missing} WHEN isnan({column}) THEN {feature.missing_code}"
        f" WHEN isinf({column}) THEN {infinite} {is_fraction} WHEN {whole} IS NULL THEN {too_long}"
        f" ELSE {_code_of_whole(f'{whole}::VARCHAR', feature, enum)} END"
    )


def _code_of_whole(number: str, feature: CategoryFeature, enum: str) -> str:
    """Return the code of a whole number in text; of 0 and 1 the code of the boolean, if that is declared."""
    if feature.values == "boolean":
        words = " ".join(f"WHEN '{BOOLEANS[word]}' THEN '{word}'" for word in BOOLEANS)
        number = f"CASE {number} {words} ELSE {number} END"
    return f"coalesce({_code(number, enum)}, {feature.unknown_code})"


def _folded(text: str, feature: CategoryFeature) -> str:
    """Return the expression of `churn_core.scoring.records.categories.fold_text`."""
    folded = characters_to_fold(feature.vocabulary)
    # Characters without a counterpart are removed.
    source, target = "".join(folded) + DOT_ABOVE, "".join(folded.values())
    mapped = f"nfc_normalize(translate({text}, {quote_text(source)}, {quote_text(target)}))"
    return f"trim(regexp_replace({mapped}, ' +', ' ', 'g'), ' ')"

"""The data contract's rules for one Python value of a number or category column.

`churn_core.scoring.records.categories` compares categories by value or by spelling where that is declared.
`churn_core.scoring.files.sql.encoding` states the same rules for DuckDB; property tests compare the two.
"""

from __future__ import annotations

import math
import unicodedata
from typing import TYPE_CHECKING

import numpy as np

from churn_core.schema import MAX_TEXT_LENGTH
from churn_core.scoring.records.number_text import BLANK, PLAIN, NumberText, ValueRefusedError

if TYPE_CHECKING:
    from churn_core.schema import NumberFeature

__all__ = ["BLANK", "ValueRefusedError", "category_text", "encode_number"]


def encode_number(value: object, feature: NumberFeature, text: NumberText = PLAIN) -> float:
    """Return a value of a number column as float64; NaN if it is missing.

    `text` reads numbers in text, where the feature allows them.

    Raises
    ------
    ValueRefusedError
        If the contract does not allow the value.
    """
    number = _as_float(value, feature, text)
    if feature.minimum <= number <= feature.maximum:
        if feature.integer and number % 1:
            raise ValueRefusedError("not_integer")
        return number
    if number != number:
        if feature.nullable:
            return number
        raise ValueRefusedError("missing")
    raise ValueRefusedError("not_finite" if math.isinf(number) else "out_of_range")


def _as_float(value: object, feature: NumberFeature, text: NumberText) -> float:
    if type(value) is float:
        return value
    if value is None:
        return math.nan
    if isinstance(value, str):
        if feature.stored_as_text:
            return text.parse(value)
        raise ValueRefusedError("wrong_type")
    if isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            raise ValueRefusedError("out_of_range") from None
    raise ValueRefusedError("wrong_type")


def category_text(value: object) -> str | None:
    """Return a category's value as normalised text; None if it is missing.

    Raises
    ------
    ValueRefusedError
        ``wrong_type``, ``too_long`` or ``invalid_unicode``.
    """
    if value is None:
        return None
    if isinstance(value, str):
        return _checked_text(value)
    if isinstance(value, (bool, np.bool_)):
        return "true" if value else "false"
    if isinstance(value, (int, np.integer)):
        if not -(2**127) <= value < 2**127:
            raise ValueRefusedError("too_long")
        return str(int(value))
    if isinstance(value, (float, np.floating)) and math.isnan(value):
        return None
    raise ValueRefusedError("wrong_type")


class InexactFloat(float):
    """A whole float64 that was read from text with more digits than it holds."""


def answered_id(value: object) -> object:
    """Return a customer's id as answers have it: a whole number has no decimal point.

    Raises
    ------
    ValueRefusedError
        If JSON can't represent the id, if it is longer than a text may be, or if it is a number that may
        have lost digits and so be another customer's.
    """
    if not isinstance(value, (float, np.floating)):
        category_text(value)
        return value
    if not math.isfinite(value):
        raise ValueRefusedError("not_finite")
    # 2**53 in float64: every smaller whole number has its own float.
    exact_below = 2.0 ** (np.finfo(type(value) if isinstance(value, np.floating) else float).nmant + 1)
    number = float(value)
    if isinstance(value, InexactFloat) or not number.is_integer() or abs(number) >= exact_below:
        raise ValueRefusedError("wrong_type")
    return int(number)


def _checked_text(text: str) -> str | None:
    if not text.strip(BLANK):
        return None
    if len(text) > MAX_TEXT_LENGTH:
        raise ValueRefusedError("too_long")
    if text.isascii():
        if "\0" in text:
            raise ValueRefusedError("invalid_unicode")
        return text
    if any(character == "\0" or "\ud800" <= character <= "\udfff" for character in text):
        raise ValueRefusedError("invalid_unicode")
    composed = unicodedata.normalize("NFC", text)
    # A few characters become longer by normalisation, which must not make a text too long.
    if len(composed) > MAX_TEXT_LENGTH:
        raise ValueRefusedError("too_long")
    return composed

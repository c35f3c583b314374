"""Categories that are compared by value, or without case and blanks, and the code of a category.

`churn_core.scoring.files.sql.categories` states the same rules for DuckDB; property tests compare the two.
"""

from __future__ import annotations

import math
import re
import sys
import unicodedata
from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np

from churn_core.scoring.records.number_text import (
    BLANK,
    ZERO_FRACTION,
    ValueRefusedError,
    lower_ascii,
    parse_number_text,
)
from churn_core.scoring.records.values import category_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from churn_core.schema import CategoryFeature

WHOLE_TEXT: Final = f"(-?(?:0|[1-9][0-9]*)){ZERO_FRACTION}?"
"""The regular expression of a whole number in text. A number with leading zeros or a plus is other text."""

BOOLEANS: Final = {"false": "0", "true": "1"}
"""The whole number of each boolean in text, without the case of A to Z."""

DOT_ABOVE: Final = "\u0307"
"""A combining dot, which lower() leaves behind the i of a Turkish capital I with a dot."""

_whole_text = re.compile(WHOLE_TEXT)
_words_of_numbers = {number: word for word, number in BOOLEANS.items()}


def canonical_category(value: object, feature: CategoryFeature) -> str | None:
    """Return a category's value in the form of the vocabulary; None if it is missing.

    Text is NFC-normalised. With ``values: integer`` a whole number is its decimal text and a boolean is
    ``0`` or ``1``, whatever stores it (``1``, ``1.0``, ``1,0``, ``True``). With ``values: boolean`` 0 and 1
    are ``false`` and ``true``. Other text stays as it is, and a number with a fraction is never a known
    value. With ``normalise`` see `fold_text`.

    Raises
    ------
    ValueRefusedError
        ``wrong_type``, ``too_long``, ``invalid_unicode``; where values are compared as numbers also
        ``not_finite``.
    """
    if feature.values == "text":
        text = category_text(value)
        return (fold_text(text) or None) if feature.normalise and text is not None else text
    number = _number_text(value)
    if number is None or feature.values == "integer":
        return number
    return _words_of_numbers.get(number, number)


def declared_level(text: str, feature: CategoryFeature) -> str:
    """Return a value of the configuration, such as one of `allowed`, in the form of the vocabulary."""
    try:
        return canonical_category(text, feature) or text
    except ValueRefusedError:
        return text


def has_fraction(text: str) -> bool:
    """Return whether text is a number with a fraction.

    Training refuses such values where categories are compared as numbers. So no vocabulary holds one, and
    files of floating-point numbers need no text for it.
    """
    try:
        return parse_number_text(text) % 1 > 0
    except ValueRefusedError:
        return False


def _number_text(value: object) -> str | None:
    if isinstance(value, (float, np.floating)) and not math.isnan(value):
        if math.isinf(value):
            raise ValueRefusedError("not_finite")
        if value % 1:
            return repr(float(value))
        # DuckDB has no whole numbers beyond these.
        if abs(float(value)) >= 2.0**127:
            raise ValueRefusedError("too_long")
        value = int(value)
    text = category_text(value)
    if text is None:
        return None
    bare = text.strip(BLANK)
    whole = _whole_text.fullmatch(bare)
    if whole:
        return "0" if whole[1] == "-0" else whole[1]
    return BOOLEANS.get(lower_ascii(bare), text)


def fold_text(text: str) -> str:
    """Return NFC-normalised text without case and without surrounding or repeated blanks.

    Each character is replaced on its own (see `fold_character`), so that DuckDB can do the same.
    """
    folded = unicodedata.normalize("NFC", text.translate(_FOLDED))
    return " ".join(part for part in folded.split(" ") if part)


def fold_character(character: str) -> str:
    """Return a character in lower case and a space for any blank; empty for `DOT_ABOVE`.

    Letters whose lower case has several characters stay as they are. The Turkish capital I with a dot and
    the small one without it become an i.
    """
    if character == DOT_ABOVE:
        return ""
    if character in BLANK or unicodedata.category(character) == "Zs":
        return " "
    if character in "\u0130\u0131":
        return "i"
    lower = character.lower()
    lower = lower if len(lower) == 1 else character
    folded = lower.casefold()
    return folded if len(folded) == 1 else lower


class _FoldedCharacters(dict[int, str]):
    """Folds a character when it is first needed, because a table of all takes 0.3 s."""

    def __missing__(self, code: int) -> str:
        self[code] = folded = fold_character(chr(code))
        return folded


_FOLDED: Final = _FoldedCharacters()


def characters_to_fold(levels: Iterable[str]) -> dict[str, str]:
    """Return the characters that have to be replaced before a text can equal one of these folded levels."""
    wanted = {
        " ",
        *(character for level in levels for character in level + unicodedata.normalize("NFD", level)),
    }
    return {character: folded for character, folded in _all_folded().items() if folded in wanted}


@cache
def _all_folded() -> dict[str, str]:
    pairs = ((character, fold_character(character)) for character in map(chr, range(sys.maxunicode + 1)))
    return {character: folded for character, folded in pairs if folded not in ("", character)}


def encode_category(value: object, feature: CategoryFeature, codes: Mapping[str, int]) -> int:
    """Return the code of a value of a category column.

    Parameters
    ----------
    value : object
    feature : CategoryFeature
    codes : mapping
        Code of each known value.

    Raises
    ------
    ValueRefusedError
        If the contract does not allow the value.
    """
    # The vocabulary is in canonical form, so a known value needs no further checks.
    code = codes.get(value) if type(value) is str else None
    if code is not None:
        return code
    text = canonical_category(value, feature)
    if text is not None:
        return codes.get(text, feature.unknown_code)
    if feature.accepts_missing:
        return feature.missing_code
    raise ValueRefusedError("missing")

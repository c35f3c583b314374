"""Names of columns: their words, and the one that a user means."""

from __future__ import annotations

import difflib
import re
import unicodedata
from typing import TYPE_CHECKING

from churn_core.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

_word = re.compile(r"[A-Z]+(?![^\W\d_A-Z])|[A-Z]?[^\W\d_A-Z]+|[0-9]+")


def name_words(name: str) -> list[str]:
    """Split a name into lower-case words; ``customerID`` and ``Customer No.`` have two each."""
    return [word.lower() for word in _word.findall(name)]


def find_name(asked: str, names: Sequence[str], option: str) -> str:
    """Find the column that a user has named.

    Returns
    -------
    str
        The same name, or the only one that differs in case, surrounding blanks or Unicode normalisation.

    Raises
    ------
    DataError
        If there is no such name or more than one; the message lists similar names.
    """
    if asked in names:
        return asked
    alike = [name for name in names if _fold(name) == _fold(asked)]
    if len(alike) == 1:
        return alike[0]
    if alike:
        raise DataError(
            f"{option} {asked!r} could be {_listed(alike)}; write the name exactly as in the table."
        )
    similar = difflib.get_close_matches(asked, names, n=3)
    hint = f"did you mean {_listed(similar)}?" if similar else "write the name exactly as in the table."
    raise DataError(f"The table has no column {asked!r} ({option}); {hint}")


def _fold(name: str) -> str:
    return unicodedata.normalize("NFC", name).strip().casefold()


def _listed(names: Sequence[str]) -> str:
    return " or ".join(map(repr, names))

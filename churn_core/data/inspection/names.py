"""Roles of columns by their names, for cases that the values do not decide."""

from __future__ import annotations

import difflib
import re
import unicodedata
from typing import TYPE_CHECKING, Final

from churn_core.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

_KEY_WORDS: Final = frozenset({"id", "no", "nr", "number", "nummer", "key", "uuid", "guid", "ref"})
_COUNT_WORDS: Final = frozenset({"no", "nr", "number", "nummer"})
_PERSON_WORDS: Final = frozenset(
    {"customer", "client", "account", "acct", "user", "member", "subscriber", "subscription", "msisdn"}
    | {"person", "cust", "kunde", "kunden", "cliente", "compte"}
)
_SHARED_WORDS: Final = frozenset(
    {"household", "family", "company", "organisation", "organization", "employer", "tenant", "haushalt"}
    | {"email", "mail", "phone", "address"}
)
_PRIVATE_WORDS: Final = frozenset({"email", "mail", "address"})
_CODE_WORDS: Final = frozenset(
    {"code", "zip", "zipcode", "postal", "postcode", "plz", "branch", "store", "region", "cluster", "type"}
)

_word = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\d_A-Z]+|[0-9]+")


def name_words(name: str) -> list[str]:
    """Split a name into lower-case words; ``customerID`` and ``Customer No.`` have two each."""
    return [word.lower() for word in _word.findall(name)]


def key_rank(name: str) -> int:
    """Rate from 0 (not at all) to 3 how much a name looks like that of a customer's key."""
    words = name_words(name)
    if not words or _PRIVATE_WORDS & set(words):
        return 0
    if words[-1] in _KEY_WORDS:
        return 3 if _PERSON_WORDS & set(words) else 2
    return 1 if len(words) == 1 and words[0] in _PERSON_WORDS | _SHARED_WORDS else 0


def names_several_rows(name: str) -> bool:
    """Return whether a name is that of a key that several rows may share."""
    words = name_words(name)
    related = (_PERSON_WORDS | _SHARED_WORDS) & set(words)
    return bool(related) and (len(words) == 1 or words[-1] in _KEY_WORDS | _SHARED_WORDS)


def names_a_person(name: str) -> bool:
    """Return whether a key's name is that of a single customer, not of several together."""
    words = set(name_words(name))
    return bool(words & _PERSON_WORDS) and not words & _SHARED_WORDS


def names_a_code(name: str) -> bool:
    """Return whether whole numbers in a column of this name are codes, not quantities."""
    words = name_words(name)
    if not words:
        return False
    # "number of calls" is a count, but "account number" is a key.
    ambiguous = words[-1] in _COUNT_WORDS and not (_PERSON_WORDS | _SHARED_WORDS) & set(words)
    return words[-1] in _KEY_WORDS | _CODE_WORDS and not ambiguous


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

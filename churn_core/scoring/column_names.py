"""The names of a table's columns: exact, or equal but for case and surrounding blanks."""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

from churn_core.errors import InputFileError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


_SHOWN_NAMES: Final = 4
"""Names that a message lists of a table's columns."""

_FEWEST_NAMES: Final = 4
"""With fewer needed columns, each missing one is named."""


def alike_key(name: str) -> bytes:
    """Return a key that is equal for names that DuckDB takes for one: it ignores the case of A to Z."""
    return name.encode(errors="surrogatepass").lower()


def alike_names(names: Sequence[str]) -> tuple[int, int] | None:
    """Return the positions of two names that DuckDB takes for one, or None: no file with both is scored."""
    positions: dict[bytes, int] = {}
    for position, name in enumerate(names):
        earlier = positions.setdefault(alike_key(name), position)
        if earlier != position and names[earlier] != name:
            return earlier, position
    return None


def missing_advice(name: str, names: Iterable[str]) -> str:
    """Return how to fix a missing column: it may be in the table by a name that is nearly the same."""
    names = tuple(names)
    near = near_name(name, names)
    if near is None:
        return f"add it{did_you_mean(name, names)}"
    differs = "case" if near.strip() == near and name.strip() == name else "case or surrounding blanks"
    return f"{near!r} differs in {differs}; rename it, or add --match-case-insensitive"


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """Return a question in parentheses that names the most similar of some names; empty without one."""
    close = get_close_matches(name, [other for other in names if other != name], n=1, cutoff=0.7)
    return f" (did you mean {close[0]!r}?)" if close else ""


def other_table(needed: Sequence[str], names: Sequence[str], whose: str) -> str | None:
    """Say that a table is not the one that a model or a configuration is about.

    Parameters
    ----------
    needed : sequence of str
        The columns that are needed.
    names : sequence of str
        The columns of the table.
    whose : str
        What needs the columns, such as ``this model``.

    Returns
    -------
    str or None
        None if at least half of the needed columns are there, or so few are needed that this says little.
    """
    if len(needed) < _FEWEST_NAMES:
        return None
    keys = set(map(_key, names))
    found = sum(_key(name) in keys for name in needed)
    if 2 * found >= len(needed):
        return None
    # Without a match the names may be a row of values: a file may have no header.
    has = _listed(names) if found else f"{len(names)} columns"
    return (
        f"{whose} is about another table: it needs {_listed(needed)}; the table has {has};"
        f" {found} of {len(needed)} match"
    )


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(map(repr, names[:_SHOWN_NAMES]))
    return f"{shown}, ... ({len(names)} columns)" if len(names) > _SHOWN_NAMES else shown or "no columns"


def near_name(name: str, names: Iterable[str]) -> str | None:
    """Return the first name that differs only in case or surrounding blanks; None if there is none."""
    return next((other for other in names if other != name and _key(other) == _key(name)), None)


class NearNames(Collection[str]):
    """Names of which every spelling counts that differs in case or surrounding blanks alone."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = tuple(names)
        self._keys = frozenset(map(_key, self._names))

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and _key(name) in self._keys

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def match_names(needed: Iterable[str], names: Sequence[str]) -> dict[str, str]:
    """Find the columns of a table whose names differ from the needed ones in case or surrounding blanks.

    Parameters
    ----------
    needed : iterable of str
        The names of a data contract.
    names : sequence of str
        The names of the table.

    Returns
    -------
    dict
        The needed name by the table's name. Names that are exactly as needed, or missing, are left out.

    Raises
    ------
    InputFileError
        ``schema`` if several columns of the table match a needed name, or several needed names a column.
    """
    needed = tuple(dict.fromkeys(needed))
    exact = set(needed) & set(names)
    matches: dict[str, str] = {}
    for name in needed:
        near = [other for other in dict.fromkeys(names) if other not in exact and _key(other) == _key(name)]
        if name in exact or not near:
            continue
        if len(near) > 1:
            raise InputFileError(
                "schema",
                f"Both {near[0]!r} and {near[1]!r} match column {name!r} but for case or surrounding blanks;"
                " rename one of them to it.",
            )
        if near[0] in matches:
            raise InputFileError(
                "schema",
                f"{near[0]!r} matches both {matches[near[0]]!r} and {name!r} but for case or surrounding"
                " blanks; rename it to one of the two.",
            )
        matches[near[0]] = name
    return matches


def _key(name: str) -> str:
    return name.strip().casefold()

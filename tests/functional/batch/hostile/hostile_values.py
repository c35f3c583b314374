"""Copies of an event, each with one member removed or replaced by a value that no sender should use."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

HOSTILE: Final[list[Any]] = [
    None,
    True,
    False,
    0,
    -1,
    1.5,
    float("nan"),
    float("inf"),
    float("-inf"),
    2**63,
    10**400,
    -(10**400),
    "",
    "x",
    "7",
    "-1",
    "1e999",
    "nan",
    "9" * 5_000,
    "\ud800",
    "\0",
    "a\r\nHost: x",
    "é",
    "x" * 2_000,
    [],
    [1],
    [[]],
    {},
    {"a": 1},
]
"""All of them can be in JSON as Python reads it."""


def members(event: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of each member of an event, at any depth, and the empty path of the event itself."""
    yield path
    if isinstance(event, dict):
        for name, value in event.items():
            yield from members(value, (*path, name))
    elif isinstance(event, list):
        for position, value in enumerate(event):
            yield from members(value, (*path, position))


def changed(event: Any, path: tuple[Any, ...]) -> Iterator[Any]:
    """Yield copies of an event with one member replaced by each hostile value, and one without it."""
    for value in HOSTILE:
        if not path:
            yield copy.deepcopy(value)
            continue
        changed_event, holder = _with_holder(event, path)
        holder[path[-1]] = copy.deepcopy(value)
        yield changed_event
    if path:
        changed_event, holder = _with_holder(event, path)
        del holder[path[-1]]
        yield changed_event


def _with_holder(event: Any, path: tuple[Any, ...]) -> tuple[Any, Any]:
    """Return a copy of an event, and in it the object or list that holds a member."""
    copied = copy.deepcopy(event)
    holder = copied
    for step in path[:-1]:
        holder = holder[step]
    return copied, holder

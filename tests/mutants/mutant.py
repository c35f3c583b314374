"""A fault that is planted into a copy of the project."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """A piece of the source, its replacement, and the test that must fail.

    Attributes
    ----------
    file, text, instead : str
        The text stands in the file exactly once.
    test : str
        Relative to the folder `tests`.
    """

    file: str
    text: str
    instead: str
    test: str

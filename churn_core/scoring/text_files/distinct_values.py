"""Number the distinct values of a column of cells, so that each value needs to be read only once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from churn_core.scoring.text_files.cells import WORD_BYTES

if TYPE_CHECKING:
    import numpy.typing as npt

    from churn_core.scoring.text_files.cells import Cells

    Positions = npt.NDArray[np.int64]
    Words = npt.NDArray[np.uint64]

MOST_VALUES: Final = 16_384
"""Values that are numbered. A table of more is too large for the processor's cache."""

_WORDS: Final = 4
"""Words of a value that are compared. Each longer cell counts as a value of its own."""
_MOST_PROBES: Final = 32
"""Slots that are searched for a value. A file made to have more collisions must not take more time."""
_FIRST_BITS: Final = 8
_ROOM: Final = 4
"""Slots per value, so that few values share a slot."""
_HASH_BITS: Final = 64
_FACTORS: Final = np.array(
    [0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x27D4EB2F165667C5], dtype=np.uint64
)
"""Odd numbers with about as many bits of 0 as of 1."""
_NO_TEXT: Final = np.uint64(2**64 - 1)
"""A word that no UTF-8 has."""


@dataclass(frozen=True, slots=True)
class NumberedCells:
    """The numbers of a column's values.

    Attributes
    ----------
    numbers : ndarray of int64, one per row
        Number of the cell's value, from 1.
    new_rows : ndarray of int64
        For each value that has had no number before, in the order of the numbers, a row that has it.
    """

    numbers: Positions
    new_rows: Positions


class DistinctValues:
    """The distinct values of a column so far: an open-addressing hash table in numpy.

    A number stands for exactly one sequence of bytes: all bytes of a value are compared, not only its hash.
    """

    def __init__(self) -> None:
        self._bits = _FIRST_BITS
        # Number by slot; 0 is an empty slot.
        self._slots = np.zeros(2**self._bits, dtype=np.int64)
        # Words and hash by number. No cell has the words of number 0.
        self._words = [np.array([_NO_TEXT])] * _WORDS
        # The most words that any value has.
        self._most_words = 1
        self._hashes = np.zeros(1, dtype=np.uint64)

    def number(self, cells: Cells) -> NumberedCells | None:
        """Number the values of some cells.

        Returns
        -------
        NumberedCells or None
            None if the column has more than `MOST_VALUES` values, or too many collisions. Then the table
            must not be used again.
        """
        longest = int(cells.lengths.max(initial=1))
        words = [cells.word(number) for number in range(min(_WORDS, -(-longest // WORD_BYTES)))]
        hashes = _hash(words)
        if longest <= _WORDS * WORD_BYTES and not len(cells.doubled):
            unlike = np.zeros(0, dtype=np.int64)
        else:
            is_unlike = cells.lengths > _WORDS * WORD_BYTES
            is_unlike[cells.doubled] = True
            unlike = np.flatnonzero(is_unlike)
            words[0][unlike] = _NO_TEXT
        numbers, missed = self._find(words, hashes, unlike)
        if not len(missed) and not len(unlike):
            return NumberedCells(numbers, missed)
        firsts, groups = _group([word[missed] for word in words])
        new_rows = np.concatenate([missed[firsts], unlike])
        count = len(self._hashes)
        if count + len(new_rows) > MOST_VALUES:
            return None
        numbers[missed] = count + groups
        numbers[unlike] = count + len(firsts) + np.arange(len(unlike))
        if len(new_rows) and not self._add([word[new_rows] for word in words], hashes[new_rows], len(firsts)):
            return None
        return NumberedCells(numbers, new_rows)

    def _find(self, words: list[Words], hashes: Words, unlike: Positions) -> tuple[Positions, Positions]:
        """Return each row's number, and the rows whose value has none."""
        slots = self._home(hashes)
        numbers = self._slots.take(slots)
        rest = np.flatnonzero(self._differ(numbers, words))
        rest = np.setdiff1d(rest, unlike, assume_unique=True) if len(unlike) else rest
        missed = []
        for _ in range(_MOST_PROBES):
            if not len(rest):
                break
            empty = numbers[rest] == 0
            missed.append(rest[empty])
            rest = rest[~empty]
            slots[rest] = (slots[rest] + 1) & (len(self._slots) - 1)
            numbers[rest] = self._slots[slots[rest]]
            rest = rest[self._differ(numbers[rest], [word[rest] for word in words])]
        # No value is farther from its first slot.
        return numbers, np.concatenate([rest, *missed])

    def _differ(self, numbers: Positions, words: list[Words]) -> npt.NDArray[np.bool_]:
        """Return which rows have another value than that of their number."""
        differ: npt.NDArray[np.bool_] = self._words[0].take(numbers) != words[0]
        for place in range(1, max(len(words), self._most_words)):
            differ |= self._words[place].take(numbers) != (words[place] if place < len(words) else 0)
        return differ

    def _add(self, words: list[Words], hashes: Words, count: int) -> bool:
        """Add values, of which the first `count` can be found again; return whether there was room."""
        first = len(self._hashes)
        self._most_words = max(self._most_words, len(words))
        for place in range(_WORDS):
            more = words[place] if place < len(words) else np.zeros_like(hashes)
            self._words[place] = np.concatenate([self._words[place], more])
        self._hashes = np.concatenate([self._hashes, hashes])
        added = np.arange(first, first + count)
        if len(self._slots) < _ROOM * len(self._hashes):
            self._bits = (_ROOM * len(self._hashes)).bit_length()
            self._slots = np.zeros(2**self._bits, dtype=np.int64)
            added = np.flatnonzero(self._words[0] != _NO_TEXT)
        return self._place(added)

    def _place(self, numbers: Positions) -> bool:
        slots = self._home(self._hashes[numbers])
        for _ in range(_MOST_PROBES):
            free = self._slots[slots] == 0
            self._slots[slots[free]] = numbers[free]
            # Of the values that want the same slot, one has got it.
            lost = self._slots[slots] != numbers
            numbers, slots = numbers[lost], (slots[lost] + 1) & (len(self._slots) - 1)
            if not len(numbers):
                return True
        return False

    def _home(self, hashes: Words) -> Positions:
        return (hashes >> np.uint64(_HASH_BITS - self._bits)).astype(np.int64)


def _hash(words: list[Words]) -> Words:
    mixed: Words = words[0] * _FACTORS[0]
    for word, factor in zip(words[1:], _FACTORS[1:], strict=False):
        mixed += word * factor
    # The last bytes of a word change only the highest bits of a product.
    mixed ^= mixed >> np.uint64(_HASH_BITS // 2)
    mixed *= _FACTORS[0]
    return mixed


def _group(words: list[Words]) -> tuple[Positions, Positions]:
    """Return one row of each distinct value, and for each row the place of its value among those."""
    order = np.lexsort(words)
    is_new = np.zeros(len(order), dtype=np.bool_)
    is_new[:1] = True
    for word in words:
        ordered = word[order]
        is_new[1:] |= ordered[1:] != ordered[:-1]
    groups = np.empty(len(order), dtype=np.int64)
    groups[order] = np.cumsum(is_new) - 1
    return order[is_new], groups

"""Each value of a column has one number, by all its bytes."""

from __future__ import annotations

import numpy as np
import pytest

from churn_core.scoring.text_files import distinct_values
from churn_core.scoring.text_files.cells import CellBuffer, Cells
from churn_core.scoring.text_files.distinct_values import MOST_VALUES, DistinctValues, NumberedCells


def cells_of(texts: list[str]) -> Cells:
    """Return a column of the texts, each in quotes if it has one."""
    written = [f'"{text.replace(chr(34), chr(34) * 2)}"' if '"' in text else text for text in texts]
    content = "".join(f"{text}\n" for text in written).encode()
    lengths = np.array([len(text.encode()) for text in written], dtype=np.int64)
    ends = np.cumsum(lengths + 1) - 1
    return CellBuffer(content, b'"').column(ends - lengths, ends)


def numbered(values: DistinctValues, texts: list[str]) -> NumberedCells:
    found = values.number(cells_of(texts))
    assert found is not None
    return found


ALIKE = [
    *("", "a", "b", "ab", "ba", "a\x01", "\x01a", "é", "e\u0301"),
    *("1234567", "12345678", "123456789", "12345678" * 2, "12345678" * 3, "12345678" * 4),
    *("12345678abcdefgh12345678", "12345678abcdefgi12345678", "12345678abcdefgh12345679"),
]


def test_equal_texts_have_one_number_and_others_have_another() -> None:
    values = DistinctValues()
    numbers: dict[str, int] = {}
    for texts in (ALIKE[:9], ALIKE[::-1], [*ALIKE, *ALIKE], ["a", "new", "a", "new"]):
        found = numbered(values, texts)
        for row in found.new_rows.tolist():
            assert texts[row] not in numbers
            numbers[texts[row]] = len(numbers) + 1
        assert found.numbers.tolist() == [numbers[text] for text in texts]
    assert numbers.keys() == {*ALIKE, "new"}


def test_equal_hashes_do_not_make_values_equal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distinct_values, "_hash", lambda words: np.zeros_like(words[0]))
    values = DistinctValues()
    first = numbered(values, [*ALIKE, *ALIKE]).numbers
    assert len(set(first.tolist())) == len(ALIKE)
    again = numbered(values, ALIKE)
    assert again.numbers.tolist() == first[: len(ALIKE)].tolist()
    assert not len(again.new_rows)


def test_a_file_made_of_collisions_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distinct_values, "_hash", lambda words: np.zeros_like(words[0]))
    assert DistinctValues().number(cells_of([str(number) for number in range(100)])) is None


@pytest.mark.parametrize("text", ["x" * 33, 'say "hi"', '"' * 30])
def test_a_long_or_escaped_text_has_a_number_of_its_own_each_time(text: str) -> None:
    values = DistinctValues()
    first = numbered(values, ["a", text, text, ""])
    assert len(set(first.numbers.tolist())) == 4
    second = numbered(values, [text, "a"])
    assert second.new_rows.tolist() == [0]
    assert second.numbers[1] == first.numbers[0]
    assert second.numbers[0] not in first.numbers


def test_values_keep_their_numbers_while_the_table_grows() -> None:
    values = DistinctValues()
    texts = [f"customer {number}" for number in range(MOST_VALUES - 1)]
    first = [numbered(values, texts[start : start + 1_000]).numbers for start in range(0, len(texts), 1_000)]
    whole = numbered(values, texts)
    assert whole.numbers.tolist() == np.concatenate(first).tolist()
    assert len(set(whole.numbers.tolist())) == len(texts)
    assert values.number(cells_of(["one more"])) is None

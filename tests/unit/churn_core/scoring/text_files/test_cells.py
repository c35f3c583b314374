"""A column of cells gives their texts and their bytes."""

from __future__ import annotations

import numpy as np

from churn_core.scoring.text_files.cells import CellBuffer

CONTENT = 'ab,"c, ""d""",,"\u00e9",123456789\n'.encode()


def test_taken_cells_have_the_texts_of_their_rows() -> None:
    ends = np.array([2, 13, 14, 19, 29], dtype=np.int64)
    starts = np.array([0, 3, 14, 15, 20], dtype=np.int64)
    cells = CellBuffer(CONTENT, b'"').column(starts, ends)
    texts = ["ab", 'c, "d"', "", "\u00e9", "123456789"]
    assert cells.texts().to_pylist() == texts
    for rows in ([1], [0, 4], [3, 2, 1], []):
        assert cells.take(np.array(rows, dtype=np.int64)).texts().to_pylist() == [texts[row] for row in rows]


def test_words_hold_the_bytes_of_their_cell_alone() -> None:
    ends = np.array([2, 14, 29], dtype=np.int64)
    starts = np.array([0, 14, 20], dtype=np.int64)
    cells = CellBuffer(CONTENT, b'"').column(starts, ends)
    words = [cells.word(number).astype("<u8") for number in range(2)]
    assert [word.tobytes() for word in np.stack(words, axis=1)] == [
        text.ljust(16, b"\0") for text in (b"ab", b"", b"123456789")
    ]

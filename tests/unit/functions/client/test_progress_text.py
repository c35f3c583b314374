"""The progress line of a run."""

from __future__ import annotations

import pytest

from functions.client.backfill_command import progress_text

NOW = {
    "parts": 1_000,
    "open": 900,
    "not_scored": 0,
    "rows": 100_000_000,
    "rejected": 12_345,
    "done_bytes": 2_000,
    "bytes": 20_000,
}


@pytest.mark.parametrize(
    ("seconds", "bytes_since", "left"),
    [
        (60, 2_000, ", 9 min left"),
        (10, 2_000, ", 2 min left"),
        (5, 2_000, ", 45 s left"),
        (60, 0, ""),
        (0, 9, ""),
    ],
)
def test_parts_rows_rejects_and_the_time_left(seconds: float, bytes_since: int, left: str) -> None:
    expected = "100 of 1,000 parts, 100,000,000 rows, 12,345 rejected"
    assert progress_text(NOW, seconds, bytes_since) == expected + left


def test_parts_that_are_not_scored_are_shown() -> None:
    assert progress_text(NOW | {"not_scored": 3}, 0, 0).endswith("12,345 rejected, 3 parts not scored")

"""The limits of input files."""

from __future__ import annotations

from churn_core.scoring.input_limits import InputLimits


def test_the_limits_are_those_of_the_documentation() -> None:
    """Named in docs/batch.md; a lower one would refuse files that were scored before."""
    assert InputLimits() == InputLimits(
        rows=200_000_000,
        columns=1_000,
        row_groups=4_096,
        nesting=64,
        uncompressed_bytes=20 * 1024**3,
        expansion=200,
    )

"""Settings of the backfill function."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from functions.shared.environment import read_announces, read_integer, read_model_dir, read_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

DEFAULT_CONCURRENCY: Final = 5
MAX_PARTS: Final = 10_000
"""Largest number of parts of a run; ``finish`` must check them all within its time limit."""
_DEFAULT_BATCH_MEMORY_MB: Final = 1769


@dataclass(frozen=True, slots=True)
class BackfillSettings:
    """Settings of the backfill function.

    Parameters
    ----------
    model_dir : Path
        The model bundle; ``CHURN_MODEL_DIR``, by default the folder ``model`` of the zip.
    input_bucket, output_bucket : str
        ``CHURN_INPUT_BUCKET`` and ``CHURN_OUTPUT_BUCKET``.
    concurrency : int
        Largest number of parts that are scored at once; ``CHURN_BACKFILL_CONCURRENCY``, 5 by default.
    batch_memory_mb : int
        Memory of the batch function, for estimates of time and price; ``CHURN_BATCH_MEMORY_MB``.
    announces : bool
        Whether an event is sent for each finished run; ``CHURN_ANNOUNCE``, ``true`` by default.
    """

    model_dir: Path
    input_bucket: str
    output_bucket: str
    concurrency: int
    batch_memory_mb: int
    announces: bool

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Read the settings.

        Raises
        ------
        SettingError
            If a bucket is missing, or a number is malformed.
        """
        return cls(
            model_dir=read_model_dir(environment),
            input_bucket=read_text(environment, "CHURN_INPUT_BUCKET"),
            output_bucket=read_text(environment, "CHURN_OUTPUT_BUCKET"),
            concurrency=read_integer(environment, "CHURN_BACKFILL_CONCURRENCY", DEFAULT_CONCURRENCY),
            batch_memory_mb=read_integer(environment, "CHURN_BATCH_MEMORY_MB", _DEFAULT_BATCH_MEMORY_MB),
            announces=read_announces(environment),
        )

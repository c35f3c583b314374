"""Settings of the backfill function."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from functions.shared.environment import BucketSettings, read_integer

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_CONCURRENCY: Final = 5
MAX_PARTS: Final = 10_000
"""Largest number of parts of a run; ``finish`` must check them all within its time limit."""
_DEFAULT_BATCH_MEMORY_MB: Final = 1769


@dataclass(frozen=True, slots=True)
class BackfillSettings(BucketSettings):
    """Settings of the backfill function, in addition to `BucketSettings`.

    Parameters
    ----------
    concurrency : int
        Largest number of parts that are scored at once; ``CHURN_BACKFILL_CONCURRENCY``, 5 by default.
    batch_memory_mb : int
        Memory of the batch function, for estimates of time and price; ``CHURN_BATCH_MEMORY_MB``.
    """

    concurrency: int
    batch_memory_mb: int

    @staticmethod
    def read_more(environment: Mapping[str, str]) -> dict[str, Any]:
        """Read the settings that only this function has."""
        return {
            "concurrency": read_integer(environment, "CHURN_BACKFILL_CONCURRENCY", DEFAULT_CONCURRENCY),
            "batch_memory_mb": read_integer(environment, "CHURN_BATCH_MEMORY_MB", _DEFAULT_BATCH_MEMORY_MB),
        }

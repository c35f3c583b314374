"""What the backfill function takes from its environment."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_CONCURRENCY: Final = 5
MAX_PARTS: Final = 10_000
"""Most parts of a run: what the finisher looks at within its time."""


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
        Most parts that are scored at the same time; ``CHURN_BACKFILL_CONCURRENCY``, 5 by default.
    batch_memory_mb : int
        Memory of the batch function, by which a run's price is reckoned; ``CHURN_BATCH_MEMORY_MB``.
    announces : bool
        Whether EventBridge is told of each finished run; ``CHURN_ANNOUNCE``, ``true`` by default.
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

        Parameters
        ----------
        environment : mapping
            Variables by name.

        Raises
        ------
        KeyError
            If a bucket is not named.
        ValueError
            If a number is none.
        """
        task_root = Path(environment.get("LAMBDA_TASK_ROOT", "."))
        return cls(
            model_dir=Path(environment.get("CHURN_MODEL_DIR") or task_root / "model"),
            input_bucket=environment["CHURN_INPUT_BUCKET"],
            output_bucket=environment["CHURN_OUTPUT_BUCKET"],
            concurrency=int(environment.get("CHURN_BACKFILL_CONCURRENCY") or DEFAULT_CONCURRENCY),
            batch_memory_mb=int(environment.get("CHURN_BATCH_MEMORY_MB") or 1769),
            announces=environment.get("CHURN_ANNOUNCE", "true") == "true",
        )

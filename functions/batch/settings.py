"""What the batch function takes from its environment."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_MAX_OBJECT_BYTES: Final = 2 * 1024**3
DEFAULT_MAX_ROWS: Final = 200_000_000
_DEFAULT_MEMORY_MB: Final = 1024
"""What a Lambda has by default; read where no Lambda says how much there is."""


@dataclass(frozen=True, slots=True)
class BatchFunctionSettings:
    """Settings of the batch function.

    Parameters
    ----------
    model_dir : Path
        The model bundle; ``CHURN_MODEL_DIR``, by default the folder ``model`` of the zip.
    input_bucket, output_bucket : str
        ``CHURN_INPUT_BUCKET`` and ``CHURN_OUTPUT_BUCKET``.
    max_object_bytes : int
        Largest object that is read; ``CHURN_MAX_OBJECT_BYTES``, 2 GiB by default.
    max_rows : int
        Most rows that an object may have; ``CHURN_MAX_ROWS``, 200 million by default.
    memory_mb : int
        The function's memory, as Lambda tells it.
    announces : bool
        Whether EventBridge is told of each scored object; ``CHURN_ANNOUNCE``, ``true`` by default.
    work_dir : Path
        Where files are kept while an object is scored: ``churn-batch`` in the folder for temporary files.
    """

    model_dir: Path
    input_bucket: str
    output_bucket: str
    max_object_bytes: int
    max_rows: int
    memory_mb: int
    announces: bool
    work_dir: Path

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
            max_object_bytes=int(environment.get("CHURN_MAX_OBJECT_BYTES") or DEFAULT_MAX_OBJECT_BYTES),
            max_rows=int(environment.get("CHURN_MAX_ROWS") or DEFAULT_MAX_ROWS),
            memory_mb=int(environment.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE") or _DEFAULT_MEMORY_MB),
            announces=environment.get("CHURN_ANNOUNCE", "true") == "true",
            work_dir=Path(tempfile.gettempdir(), "churn-batch"),
        )

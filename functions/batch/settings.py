"""Settings of the batch function."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from functions.shared.environment import BucketSettings, read_integer

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_MAX_OBJECT_BYTES: Final = 2 * 1024**3
DEFAULT_MAX_ROWS: Final = 200_000_000
_DEFAULT_MEMORY_MB: Final = 1024
"""Used outside Lambda, where ``AWS_LAMBDA_FUNCTION_MEMORY_SIZE`` is not set."""


@dataclass(frozen=True, slots=True)
class BatchFunctionSettings(BucketSettings):
    """Settings of the batch function, in addition to `BucketSettings`.

    Parameters
    ----------
    max_object_bytes : int
        Size of the largest object that is read; ``CHURN_MAX_OBJECT_BYTES``, 2 GiB by default.
    max_rows : int
        Largest number of rows of an object; ``CHURN_MAX_ROWS``, 200 million by default.
    memory_mb : int
        The function's memory; ``AWS_LAMBDA_FUNCTION_MEMORY_SIZE``, which Lambda sets.
    work_dir : Path
        Folder of the files of an object while it is scored: ``churn-batch`` below the temporary folder.
    """

    max_object_bytes: int
    max_rows: int
    memory_mb: int
    work_dir: Path

    @staticmethod
    def read_more(environment: Mapping[str, str]) -> dict[str, Any]:
        """Read the settings that only this function has."""
        return {
            "max_object_bytes": read_integer(environment, "CHURN_MAX_OBJECT_BYTES", DEFAULT_MAX_OBJECT_BYTES),
            "max_rows": read_integer(environment, "CHURN_MAX_ROWS", DEFAULT_MAX_ROWS),
            "memory_mb": read_integer(environment, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", _DEFAULT_MEMORY_MB),
            "work_dir": Path(tempfile.gettempdir(), "churn-batch"),
        }

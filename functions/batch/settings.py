"""Settings of the batch function."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from functions.shared.environment import read_announces, read_integer, read_model_dir, read_text

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_MAX_OBJECT_BYTES: Final = 2 * 1024**3
DEFAULT_MAX_ROWS: Final = 200_000_000
_DEFAULT_MEMORY_MB: Final = 1024
"""Used outside Lambda, where ``AWS_LAMBDA_FUNCTION_MEMORY_SIZE`` is not set."""


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
        Size of the largest object that is read; ``CHURN_MAX_OBJECT_BYTES``, 2 GiB by default.
    max_rows : int
        Largest number of rows of an object; ``CHURN_MAX_ROWS``, 200 million by default.
    memory_mb : int
        The function's memory; ``AWS_LAMBDA_FUNCTION_MEMORY_SIZE``, which Lambda sets.
    announces : bool
        Whether an event is sent for each scored object; ``CHURN_ANNOUNCE``, ``true`` by default.
    work_dir : Path
        Folder of the files of an object while it is scored: ``churn-batch`` below the temporary folder.
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

        Raises
        ------
        SettingError
            If a bucket is missing, or a number is malformed.
        """
        return cls(
            model_dir=read_model_dir(environment),
            input_bucket=read_text(environment, "CHURN_INPUT_BUCKET"),
            output_bucket=read_text(environment, "CHURN_OUTPUT_BUCKET"),
            max_object_bytes=read_integer(environment, "CHURN_MAX_OBJECT_BYTES", DEFAULT_MAX_OBJECT_BYTES),
            max_rows=read_integer(environment, "CHURN_MAX_ROWS", DEFAULT_MAX_ROWS),
            memory_mb=read_integer(environment, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", _DEFAULT_MEMORY_MB),
            announces=read_announces(environment),
            work_dir=Path(tempfile.gettempdir(), "churn-batch"),
        )

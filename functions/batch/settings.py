"""What the batch function takes from its environment."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_MAX_OBJECT_BYTES: Final = 2 * 1024**3

_DUCKDB_SHARE: Final = 0.4


@dataclass(frozen=True, slots=True)
class FunctionSettings:
    """Settings of the batch function.

    Parameters
    ----------
    model_dir : Path
        The model bundle; ``CHURN_MODEL_DIR``, by default the folder ``model`` of the zip.
    input_bucket, output_bucket : str
        ``CHURN_INPUT_BUCKET`` and ``CHURN_OUTPUT_BUCKET``.
    max_object_bytes : int
        Largest object that is read; ``CHURN_MAX_OBJECT_BYTES``.
    duckdb_memory_mb : int
        DuckDB's share of the function's memory.
    """

    model_dir: Path
    input_bucket: str
    output_bucket: str
    max_object_bytes: int
    duckdb_memory_mb: int

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
        function_memory_mb = int(environment.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE") or 1024)
        return cls(
            model_dir=Path(environment.get("CHURN_MODEL_DIR") or task_root / "model"),
            input_bucket=environment["CHURN_INPUT_BUCKET"],
            output_bucket=environment["CHURN_OUTPUT_BUCKET"],
            max_object_bytes=int(environment.get("CHURN_MAX_OBJECT_BYTES") or DEFAULT_MAX_OBJECT_BYTES),
            duckdb_memory_mb=int(function_memory_mb * _DUCKDB_SHARE),
        )

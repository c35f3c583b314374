"""Settings from a function's environment variables, and the names in its CloudWatch metrics."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

if TYPE_CHECKING:
    from collections.abc import Mapping


NAMESPACE: Final = "Churn"
"""Of the metrics of all functions."""


class SettingError(ValueError):
    """An environment variable is missing or malformed; the message names it and says how to fix it."""


def read_text(environment: Mapping[str, str], name: str) -> str:
    """Return a variable that must be set.

    Raises
    ------
    SettingError
        If it is missing or empty.
    """
    value = environment.get(name)
    if not value:
        raise SettingError(f"{name} is not set; the function needs it (template.yaml sets it).")
    return value


def read_integer(environment: Mapping[str, str], name: str, default: int) -> int:
    """Return a variable as a whole number, or the default if it is missing or empty.

    Raises
    ------
    SettingError
        If it is not a whole number.
    """
    value = environment.get(name) or default
    try:
        return int(value)
    except ValueError as error:
        raise SettingError(
            f"{name} must be a whole number; correct it, or remove it to use {default}."
        ) from error


def read_model_dir(environment: Mapping[str, str]) -> Path:
    """Return the folder of the model bundle.

    ``CHURN_MODEL_DIR``; by default the folder ``model`` next to the code (``LAMBDA_TASK_ROOT``).
    """
    task_root = Path(environment.get("LAMBDA_TASK_ROOT", "."))
    return Path(environment.get("CHURN_MODEL_DIR") or task_root / "model")


@dataclass(frozen=True, slots=True)
class BucketSettings:
    """Settings that every function with access to the buckets has.

    Parameters
    ----------
    model_dir : Path
        The model bundle; ``CHURN_MODEL_DIR``, by default the folder ``model`` of the zip.
    input_bucket, output_bucket : str
        ``CHURN_INPUT_BUCKET`` and ``CHURN_OUTPUT_BUCKET``.
    announces : bool
        Whether results are announced to EventBridge; ``CHURN_ANNOUNCE``, ``true`` by default.
    """

    model_dir: Path
    input_bucket: str
    output_bucket: str
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
            announces=environment.get("CHURN_ANNOUNCE", "true") == "true",
            **cls.read_more(environment),
        )

    @staticmethod
    def read_more(environment: Mapping[str, str]) -> dict[str, Any]:  # noqa: ARG004
        """Read the settings that a subclass adds."""
        return {}


def service_name(default: str) -> str:
    """Return the dimension ``service``: ``POWERTOOLS_SERVICE_NAME``, which differs between stacks."""
    return os.environ.get("POWERTOOLS_SERVICE_NAME") or default

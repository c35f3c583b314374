"""Read settings from a function's environment variables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


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


def read_announces(environment: Mapping[str, str]) -> bool:
    """Return whether the function sends events to EventBridge: ``CHURN_ANNOUNCE``, ``true`` by default."""
    return environment.get("CHURN_ANNOUNCE", "true") == "true"

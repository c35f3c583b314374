"""The hook's settings, from environment variables."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from functions.shared.environment import read_model_dir, read_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SAMPLES_REFUSED_IN: Final = ("staging", "prod")
"""Environments with real customers."""


@dataclass(frozen=True, slots=True)
class PreTrafficSettings:
    """Settings of the deployment hook.

    Parameters
    ----------
    new_version : str
        ARN of the version to check; ``CHURN_NEW_VERSION``.
    environment : str
        ``CHURN_ENVIRONMENT``: dev (the default), staging or prod.
    model_dir : Path
        The model bundle that the version must have; ``CHURN_MODEL_DIR``, by default the folder
        ``model`` of the zip.
    """

    new_version: str
    environment: str
    model_dir: Path

    @property
    def refuses_samples(self) -> bool:
        """Whether a sample model may not score here."""
        return self.environment in SAMPLES_REFUSED_IN

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Read the settings.

        Raises
        ------
        SettingError
            If no version is set.
        """
        return cls(
            new_version=read_text(environment, "CHURN_NEW_VERSION"),
            environment=environment.get("CHURN_ENVIRONMENT") or "dev",
            model_dir=read_model_dir(environment),
        )

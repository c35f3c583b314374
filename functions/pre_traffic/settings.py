"""What the hook takes from its environment."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from functions.shared.environment import read_model_dir, read_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SAMPLES_REFUSED_IN: Final = ("staging", "prod")
"""Environments whose customers are real."""


@dataclass(frozen=True, slots=True)
class PreTrafficSettings:
    """Settings of the hook.

    Parameters
    ----------
    new_version : str
        ARN of the version that is about to take requests; ``CHURN_NEW_VERSION``.
    environment : str
        ``CHURN_ENVIRONMENT``: dev (the default), staging or prod.
    model_dir : Path
        The model bundle that the version must answer by; ``CHURN_MODEL_DIR``, by default the folder
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

        Parameters
        ----------
        environment : mapping
            Variables by name.

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

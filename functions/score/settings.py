"""The score function's settings, from environment variables."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from functions.shared.environment import read_model_dir

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class ScoreSettings:
    """Settings of the score function.

    Parameters
    ----------
    model_dir : Path
        The model bundle; ``CHURN_MODEL_DIR``, by default the folder ``model`` of the zip.
    cors_origins : tuple of str
        Origins whose pages may call the API from a browser; ``CHURN_CORS_ORIGINS``, separated by commas.
    """

    model_dir: Path
    cors_origins: tuple[str, ...] = ()

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Read the settings."""
        origins = environment.get("CHURN_CORS_ORIGINS", "").split(",")
        return cls(
            model_dir=read_model_dir(environment),
            cors_origins=tuple(origin.strip() for origin in origins if origin.strip()),
        )

"""Train a churn model on any table, prove its ONNX export, and score it anywhere.

The names of ``__all__`` load their modules when they are first used (PEP 562). Importing this module
loads nothing heavy, because it ships in the Lambdas.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from churn_core.config import load_config
    from churn_core.errors import ChurnError
    from churn_core.models.training import train_model
    from churn_core.pipelines.in_memory import train
    from churn_core.pipelines.training import run_training
    from churn_core.scoring.files.score_file import score_file
    from churn_core.scoring.loaded_model import load
    from churn_core.scoring.predictor import ChurnPredictor

__version__ = "0.1.0"

__all__ = [
    "ChurnError",
    "ChurnPredictor",
    "load",
    "load_config",
    "run_training",
    "score_file",
    "train",
    "train_model",
]

_MODULES = {
    "ChurnError": "churn_core.errors",
    "ChurnPredictor": "churn_core.scoring.predictor",
    "load": "churn_core.scoring.loaded_model",
    "load_config": "churn_core.config",
    "run_training": "churn_core.pipelines.training",
    "score_file": "churn_core.scoring.files.score_file",
    "train": "churn_core.pipelines.in_memory",
    "train_model": "churn_core.models.training",
}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(_MODULES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

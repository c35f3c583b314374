"""The model that this environment scores with."""

from __future__ import annotations

import functools

from churn_core.scoring.bundle import load_bundle
from churn_core.scoring.predictor import ChurnPredictor
from functions.score.settings import ScoreSettings


@functools.cache
def loaded_predictor() -> ChurnPredictor:
    """Return the predictor of this environment's bundle; only a successful load is cached.

    Raises
    ------
    BundleError
        If the bundle can't be used; the next call tries again.
    """
    return ChurnPredictor(load_bundle(ScoreSettings.from_environment().model_dir))

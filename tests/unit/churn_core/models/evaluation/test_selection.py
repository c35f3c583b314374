"""The rule that takes the simplest candidate near the best."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from churn_core.config import parse_config
from churn_core.errors import ConfigError
from churn_core.models.evaluation.selection import simplest_near_best


def test_the_simplest_within_one_standard_error_is_taken() -> None:
    best = np.array([0.40, 0.50, 0.42, 0.44])
    near = best + np.array([0.01, -0.01, 0.012, -0.009])
    choice = simplest_near_best({"simple": near, "best": best}, test_share=1 / 3)
    assert choice.taken == "simple"
    # By hand: differences of mean 0.00075 and variance 1.42e-4, times 1/4 + 1/3.
    assert choice.compared["simple"]["behind"] == pytest.approx(0.00075)
    assert choice.compared["simple"]["error"] == pytest.approx(0.0091, abs=1e-4)
    assert choice.compared["best"] == {"log_loss": 0.44, "behind": 0.0, "error": 0.0}


def test_a_small_but_steady_gap_counts_although_folds_differ_widely() -> None:
    best = np.array([0.30, 0.60, 0.20, 0.70])
    behind = best + np.array([0.010, 0.011, 0.009, 0.010])
    assert simplest_near_best({"simple": behind, "best": best}, test_share=1 / 3).taken == "best"


def content(model: dict[str, Any], **feature: str) -> dict[str, Any]:
    number = {"kind": "number", "minimum": -10, "maximum": 10} | feature
    target = {"column": "left", "positive": "yes", "negative": "no"}
    return {"data": {"target": target, "features": {"a": number}}, "model": model}


def test_parameters_need_a_family() -> None:
    with pytest.raises(ConfigError, match=r"model\.params.*model\.type.*auto"):
        parse_config(content({"type": "auto", "params": {"pairs": 3}}))


def test_monotonic_needs_the_additive_family() -> None:
    settings = parse_config(content({"type": "additive"}, monotonic="increasing"))
    assert settings.contract.numbers[0].monotonic == "increasing"
    with pytest.raises(ConfigError, match=r"a\.monotonic.*additive"):
        parse_config(content({"type": "random_forest"}, monotonic="increasing"))

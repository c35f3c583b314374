"""The rule that takes the best candidate, or a preferred one near it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from churn_core.config import parse_config
from churn_core.errors import ConfigError
from churn_core.models.evaluation.selection import preferred_near_best


def losses(*behind: float) -> dict[str, np.ndarray]:
    best = np.array([0.40, 0.50, 0.42, 0.44])
    noise = np.array([0.01, -0.01, 0.012, -0.012])
    return {str(place): best + noise * place + mean for place, mean in enumerate(behind)}


def test_a_simpler_candidate_may_lose_a_thousandth_of_log_loss() -> None:
    assert preferred_near_best(losses(0.0009, 0.0), ["0", "1"], test_share=1 / 3).taken == "0"
    assert preferred_near_best(losses(0.0011, 0.0), ["0", "1"], test_share=1 / 3).taken == "1"


def test_a_candidate_that_is_not_preferred_is_taken_only_as_the_best() -> None:
    assert preferred_near_best(losses(0.0005, 0.002, 0.0), ["1"], test_share=1 / 3).taken == "2"
    assert preferred_near_best(losses(0.0, 0.002, 0.0005), ["1"], test_share=1 / 3).taken == "0"
    assert preferred_near_best(losses(0.0, 0.0005, 0.001), ["1"], test_share=1 / 3).taken == "1"


def test_distances_are_from_the_best_with_the_error_of_the_difference() -> None:
    best = np.array([0.40, 0.50, 0.42, 0.44])
    near = best + np.array([0.01, -0.01, 0.012, -0.009])
    compared = preferred_near_best({"near": near, "best": best}, [], test_share=1 / 3).compared
    # By hand: differences of mean 0.00075 and variance 1.42e-4, times 1/4 + 1/3.
    assert compared["near"]["behind"] == pytest.approx(0.00075)
    assert compared["near"]["error"] == pytest.approx(0.0091, abs=1e-4)
    assert compared["best"] == {"log_loss": 0.44, "behind": 0.0, "error": 0.0}


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

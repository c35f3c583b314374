"""Choosing the simplest model that is not clearly worse than the best."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from churn_core.config import parse_config
from churn_core.errors import ConfigError
from churn_core.models import train_model
from churn_core.models.evaluation.selection import simplest_near_best

if TYPE_CHECKING:
    from churn_core.config import Settings


def test_the_simplest_within_one_standard_error_is_taken() -> None:
    best = np.array([0.40, 0.50, 0.42, 0.44])
    near = best + np.array([0.01, -0.01, 0.012, -0.009])
    choice = simplest_near_best({"simple": near, "best": best}, test_share=1 / 3)
    assert choice.taken == "simple"
    # By hand: differences of mean 0.00075 and variance 1.42e-4, times 1/4 + 1/3.
    assert choice.compared["simple"]["behind"] == pytest.approx(0.00075)
    assert choice.compared["simple"]["error"] == pytest.approx(0.0091, abs=1e-4)
    assert choice.compared["best"] == {"log_loss": 0.44, "behind": 0.0, "error": 0.0}


def test_a_small_but_steady_gap_is_clear_although_folds_differ_widely() -> None:
    best = np.array([0.30, 0.60, 0.20, 0.70])
    behind = best + np.array([0.010, 0.011, 0.009, 0.010])
    assert simplest_near_best({"simple": behind, "best": best}, test_share=1 / 3).taken == "best"


def table(kind: str) -> pd.DataFrame:
    draw = np.random.default_rng(8)
    a, b = draw.normal(size=(2, 2_000))
    log_odds = {"line": 1.2 * a - b, "hump": 3 * np.cos(2 * a) - b, "cross": np.where(b > 0, 3 * a, -a)}[kind]
    left = draw.random(2_000) < 1 / (1 + np.exp(-log_odds))
    return pd.DataFrame({"a": a, "b": b, "left": np.where(left, "yes", "no")})


def config(model: dict[str, object]) -> Settings:
    number = {"kind": "number", "minimum": -10, "maximum": 10}
    return parse_config(
        {
            "data": {
                "target": {"column": "left", "positive": "yes", "negative": "no"},
                "features": {"a": number, "b": number},
            },
            "model": model,
            "evaluation": {"folds": 3, "repeats": 1},
        }
    )


@pytest.mark.parametrize(
    ("kind", "family"), [("line", "logistic_regression"), ("hump", "additive"), ("cross", "additive")]
)
def test_auto_takes_the_family_that_the_table_asks_for(kind: str, family: str) -> None:
    model = train_model(config({"type": "auto"}), table(kind), jobs=1)
    assert model.settings.model.type == family
    families = model.choices["families"]
    assert families.taken == family
    assert list(families.compared) == [
        "logistic_regression",
        "additive",
        "gradient_boosting",
        "random_forest",
    ]
    assert model.predict_proba(table(kind)).shape == (2_000,)


@pytest.mark.parametrize(("kind", "pairs"), [("hump", 0), ("cross", 1)])
def test_pairs_are_taken_only_where_they_help(kind: str, pairs: int) -> None:
    model = train_model(config({"type": "additive"}), table(kind), jobs=1)
    assert list(model.choices["pairs"].compared) == ["0", "1"]
    assert model.settings.model.params == {"pairs": pairs}
    assert len(model.estimator.pairs_) == pairs


def test_a_configured_number_of_pairs_is_not_questioned() -> None:
    model = train_model(config({"type": "additive", "params": {"pairs": 1}}), table("hump"), jobs=1)
    assert not model.choices
    assert model.estimator.pairs_ == [(0, 1)]


def test_parameters_need_a_family() -> None:
    with pytest.raises(ConfigError, match=r"model\.params.*model\.type.*auto"):
        config({"type": "auto", "params": {"pairs": 3}})


@pytest.mark.parametrize(
    ("family", "params", "complaint"),
    [
        ("additive", {"members": 0}, "'members' parameter"),
        ("additive", {"members": 9}, "'members' parameter"),
        ("additive", {"pairs": "many"}, "'pairs' parameter"),
        ("additive", {"learning_rate": -1}, "'learning_rate' parameter"),
        ("additive", {"monotonic": [1, 0]}, r"monotonic.*data\.features"),
        ("additive", {"depth": 3}, "has no parameter 'depth'"),
        ("logistic_regression", {"C": -1}, "'C' parameter"),
        ("random_forest", {"n_estimators": "ten"}, "'n_estimators' parameter"),
    ],
)
def test_a_parameter_that_the_estimator_does_not_take_is_the_configurations_fault(
    family: str, params: dict[str, object], complaint: str
) -> None:
    with pytest.raises(ConfigError, match=rf"model\.params.*{complaint}"):
        train_model(config({"type": family, "params": params}), table("line"), jobs=1)


def test_monotonic_needs_the_family_that_keeps_it() -> None:
    content = config({"type": "additive"}).model_dump()
    content["data"]["features"]["a"]["monotonic"] = "increasing"
    assert parse_config(content).contract.numbers[0].monotonic == "increasing"
    content["model"]["type"] = "random_forest"
    with pytest.raises(ConfigError, match=r"a\.monotonic.*model\.type additive"):
        parse_config(content)


def test_a_monotonic_column_of_the_configuration_binds_the_model() -> None:
    content = config({"type": "additive"}).model_dump()
    content["data"]["features"]["a"]["monotonic"] = "decreasing"
    model = train_model(parse_config(content), table("hump"), jobs=1)
    grid = pd.DataFrame({"a": np.linspace(-3, 3, 200), "b": 0.0})
    assert (np.diff(model.predict_proba(grid)) <= 1e-12).all()


def test_progress_counts_every_fold_of_everything_that_is_compared() -> None:
    seen: list[tuple[int, int]] = []
    train_model(config({"type": "auto"}), table("line"), jobs=1, on_fold=lambda *fold: seen.append(fold))
    # Four families of three folds, and three folds for no pair and for one.
    assert seen == [(done, 18) for done in range(1, 19)]

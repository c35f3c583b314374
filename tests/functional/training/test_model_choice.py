"""Training chooses the simplest model that is not clearly worse than the best."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from churn_core.config import parse_config
from churn_core.errors import ConfigError
from churn_core.models import train_model
from churn_core.models.evaluation import cross_validation, selection

if TYPE_CHECKING:
    from churn_core.config import Settings
    from churn_core.models.evaluation.cross_validation import OutOfFold
    from churn_core.models.rows import LabelledRows

ROWS = 1_000


def make_table(kind: str, rows: int = ROWS) -> pd.DataFrame:
    """Make a table of two numbers whose log-odds have a certain shape."""
    generator = np.random.default_rng(8)
    a, b = generator.normal(size=(2, rows))
    log_odds = {"line": 4 * a - 3 * b, "hump": 3 * np.cos(2 * a) - b, "cross": np.where(b > 0, 3 * a, -a)}[
        kind
    ]
    left = generator.random(rows) < 1 / (1 + np.exp(-log_odds))
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
    ("kind", "family"), [("line", "logistic_regression"), ("hump", "additive"), ("cross", "boosting")]
)
def test_auto_takes_the_family_that_fits_the_table(kind: str, family: str) -> None:
    reported: list[tuple[int, int]] = []
    model = train_model(
        config({"type": "auto"}), make_table(kind), jobs=1, on_fold=lambda *fold: reported.append(fold)
    )
    assert model.settings.model.type == family
    families = model.choices["families"]
    assert families.taken == family
    assert list(families.compared) == ["logistic_regression", "additive", "boosting"]
    assert model.predict_proba(make_table(kind)).shape == (ROWS,)
    # Three folds for each of three families, and three for each of two numbers of pairs.
    assert reported == [(done, 15) for done in range(1, 16)]


def test_families_of_a_large_table_are_compared_on_a_draw_and_the_chosen_one_on_all_rows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    judged: list[int] = []
    real = cross_validation.predict_out_of_fold

    def counted(settings: Settings, rows: LabelledRows, **options: Any) -> OutOfFold:
        judged.append(len(rows))
        return real(settings, rows, **options)

    monkeypatch.setattr(selection, "CHOICE_ROWS", 600)
    monkeypatch.setattr(selection, "predict_out_of_fold", counted)
    reported: list[tuple[int, int]] = []
    train_model(
        config({"type": "auto"}), make_table("hump"), jobs=1, on_fold=lambda *fold: reported.append(fold)
    )
    # Three families and two numbers of pairs, then the chosen family.
    assert judged == [600] * 5 + [800]
    assert reported == [(done, 18) for done in range(1, 19)]


@pytest.mark.parametrize(("kind", "pairs"), [("hump", 0), ("cross", 1)])
def test_pairs_are_taken_only_if_they_help(kind: str, pairs: int) -> None:
    quick = {"members": 2, "max_iter": 60}
    table = make_table(kind, rows=4 * ROWS)
    model = train_model(config({"type": "additive", "params": quick}), table, jobs=1)
    assert list(model.choices["pairs"].compared) == ["0", "1"]
    assert model.settings.model.params == quick | {"pairs": pairs}
    assert len(model.estimator.pairs_) == pairs


def test_a_configured_number_of_pairs_is_kept() -> None:
    model = train_model(
        config({"type": "additive", "params": {"pairs": 1, "max_iter": 20}}), make_table("hump"), jobs=1
    )
    assert not model.choices
    assert model.estimator.pairs_ == [(0, 1)]


@pytest.mark.parametrize(
    ("family", "params", "complaint"),
    [
        ("additive", {"members": 0}, "'members' parameter"),
        ("additive", {"members": 9}, "'members' parameter"),
        ("additive", {"pairs": "many"}, "'pairs' parameter"),
        ("additive", {"learning_rate": -1}, "'learning_rate' parameter"),
        ("additive", {"monotonic": [1, 0]}, r"data\.features"),
        ("additive", {"depth": 3}, "has no parameter 'depth'"),
        ("logistic_regression", {"C": -1}, "'C' parameter"),
        ("random_forest", {"n_estimators": "ten"}, "'n_estimators' parameter"),
        ("random_forest", {"n_estimators": 10**9}, "over 10,000"),
        ("random_forest", {"n_jobs": 10**9}, "over 1,024"),
        ("random_forest", {"n_estimators": 5, "n_jobs": 0}, "n_jobs == 0"),
        ("random_forest", {"n_estimators": 5, "min_samples_leaf": 10**400}, "over 1,000,000,000,000,000"),
        ("random_forest", {"n_estimators": 5, "max_samples": True}, "True"),
        ("random_forest", {"n_estimators": 5, "class_weight": {"x": 1}}, "class_weight"),
        ("random_forest", {"n_estimators": 5, "monotonic_cst": {}}, "tuple index"),
        ("random_forest", {"n_estimators": 5, "bootstrap": False, "oob_score": True}, "bootstrap"),
        ("logistic_regression", {"dual": True}, "dual=False"),
        ("logistic_regression", {"C": 2, "l1_ratio": 0.5}, "elasticnet"),
        ("logistic_regression", {"C": -(10**300)}, "over 1,000,000,000,000,000"),
        ("gradient_boosting", {"n_estimators": True}, "an integer is required"),
        ("gradient_boosting", {"n_estimators": 3, "n_iter_no_change": True}, "True"),
        ("gradient_boosting", {"n_estimators": 3, "learning_rate": 1e308}, "not finite"),
    ],
)
@pytest.mark.filterwarnings("ignore:overflow encountered", "ignore:Some inputs do not have OOB")
def test_a_parameter_that_the_estimator_does_not_accept_is_a_config_error(
    family: str, params: dict[str, object], complaint: str
) -> None:
    faulty = list(params)[-1]
    table = make_table("line").head(200)
    with pytest.raises(ConfigError, match=rf"model\.params.*{faulty}.*{complaint}"):
        train_model(config({"type": family, "params": params}), table, jobs=1)


def test_a_monotonic_column_of_the_configuration_constrains_the_model() -> None:
    content = config({"type": "additive", "params": {"pairs": 1, "max_iter": 60}}).model_dump()
    content["data"]["features"]["a"]["monotonic"] = "decreasing"
    model = train_model(parse_config(content), make_table("hump"), jobs=1)
    grid = pd.DataFrame({"a": np.linspace(-3, 3, 200), "b": 0.0})
    assert (np.diff(model.predict_proba(grid)) <= 1e-12).all()

"""Training with groups: all rows of a household are on one side of every split."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV

from churn_core.config import parse_config
from churn_core.data import generate_sample_data
from churn_core.errors import ConfigError, DataError
from churn_core.models import train_model
from churn_core.models.boosting.averaged import AveragedBoostingClassifier

if TYPE_CHECKING:
    from churn_core.config import Settings
    from churn_core.models import ChurnModel


@pytest.fixture(scope="module")
def households() -> pd.DataFrame:
    """Three rows of each household, with one random label for all three."""
    table = generate_sample_data(300, seed=3)
    table["Churn"] = np.random.default_rng(0).permutation(["Yes", "No"] * 150)
    table["MonthlyCharges"] = np.linspace(20, 119, 300)
    table["household"] = [f"h{number}" for number in range(300)]
    table = pd.concat([table] * 3, ignore_index=True)
    return table.assign(customerID=[f"c{number}" for number in range(900)])


def grouped(settings: Settings, **data: Any) -> Settings:
    content = settings.model_dump()
    content["data"] |= {"group": "household"} | data
    content["model"] = {"type": "random_forest", "params": {"n_estimators": 20, "max_depth": None}}
    return parse_config(content)


@pytest.fixture(scope="module")
def grouped_model(settings: Settings, households: pd.DataFrame) -> ChurnModel:
    return train_model(grouped(settings), households, jobs=1)


def test_repeated_customers_make_a_model_look_better_unless_they_are_grouped(
    settings: Settings, households: pd.DataFrame, grouped_model: ChurnModel
) -> None:
    ungrouped = train_model(grouped(settings, group=None), households, jobs=1)
    for metrics in (ungrouped.holdout, {name: m["mean"] for name, m in ungrouped.cv.items()}):
        assert metrics["roc_auc"] > 0.9
    for metrics in (grouped_model.holdout, {name: m["mean"] for name, m in grouped_model.cv.items()}):
        assert metrics["roc_auc"] < 0.65


def test_the_calibration_of_the_final_model_is_grouped_too(grouped_model: ChurnModel) -> None:
    classifier = grouped_model.classifier
    assert isinstance(classifier, CalibratedClassifierCV)
    assert isinstance(classifier.cv, list)
    matrix = grouped_model.training_matrix
    for train, test in classifier.cv:
        # Rows of one household are equal in every feature, so no test row may equal a training row.
        known = {row.tobytes() for row in matrix[train]}
        assert not any(row.tobytes() in known for row in matrix[test])
        assert len(train) + len(test) == len(matrix)


def test_the_group_is_not_a_feature_and_not_needed_for_scoring(
    grouped_model: ChurnModel, households: pd.DataFrame
) -> None:
    assert "household" not in grouped_model.contract.names
    assert len(grouped_model.predict_proba(households.drop(columns="household"))) == 900


def test_training_without_the_group_column_names_it(settings: Settings, households: pd.DataFrame) -> None:
    with pytest.raises(DataError, match="'household'"):
        train_model(grouped(settings), households.drop(columns="household"), jobs=1)


@pytest.mark.parametrize("column", ["Churn", "TenureBand"])
def test_neither_the_target_nor_a_derived_feature_can_be_the_group(settings: Settings, column: str) -> None:
    with pytest.raises(ConfigError, match=r"data\.group"):
        grouped(settings, group=column)


@pytest.mark.parametrize("calibration", ["none", "sigmoid"])
def test_every_fit_that_holds_rows_out_keeps_households_together(
    settings: Settings, households: pd.DataFrame, calibration: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[np.ndarray | None] = []
    splits = AveragedBoostingClassifier._splits

    def member_splits(model: Any, labels: np.ndarray, groups: np.ndarray | None) -> Any:
        given.append(groups)
        return splits(model, labels, groups)

    monkeypatch.setattr(AveragedBoostingClassifier, "_splits", member_splits)
    content = grouped(settings).model_dump() | {"model": {"type": "boosting", "calibration": calibration}}
    train_model(parse_config(content), households, jobs=1)
    assert given
    assert all(groups is not None and len(groups) for groups in given)

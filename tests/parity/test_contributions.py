"""Contributions add up to the score, for every family, calibrated or not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime as ort
import pytest
from scipy.special import expit

from churn_core.config import parse_config
from churn_core.data import generate_sample_data
from churn_core.models import train_model
from churn_core.models.additive.terms import cells_of
from churn_core.models.export.additive_graph import additive_terms
from churn_core.models.export.gate_rows import gate_rows
from churn_core.models.export.scoring_graph import ScoringGraph, build_scoring_graph
from churn_core.models.export.tree_ensembles import column_owners, path_contributions, root_value, trees_of
from churn_core.models.families import FAMILIES

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from churn_core.config import Settings
    from churn_core.models import ChurnModel
    from churn_core.models.export.prove import ProvedModel

# The number of trees does not matter here, so there are few.
PARAMETERS: dict[str, dict[str, Any]] = {
    "additive": {"pairs": 6, "members": 2, "max_iter": 60},
    "random_forest": {"n_estimators": 20},
    "gradient_boosting": {"n_estimators": 20},
}


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return generate_sample_data(1_000, seed=11)


def train(settings: Settings, table: pd.DataFrame, family: str, calibration: str = "auto") -> ChurnModel:
    content = settings.model_dump()
    content["model"] = {"type": family, "params": PARAMETERS.get(family, {}), "calibration": calibration}
    content["evaluation"]["folds"] = 2
    return train_model(parse_config(content), table, jobs=1)


def score(graph: ScoringGraph, rows: np.ndarray) -> dict[str, np.ndarray]:
    session = ort.InferenceSession(graph.model.SerializeToString(), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {"features": rows}), strict=True))


def rows_of(model: ChurnModel, table: pd.DataFrame) -> np.ndarray:
    """Return the gate's rows, which include unknown, missing and extreme values."""
    return gate_rows(model, model.encode(table)).matrix


@pytest.mark.parametrize("calibration", ["none", "sigmoid"])
@pytest.mark.parametrize("family", FAMILIES)
def test_contributions_and_intercept_add_up_to_the_raw_score(
    settings: Settings, table: pd.DataFrame, family: str, calibration: str
) -> None:
    model = train(settings, table, family, calibration)
    graph = build_scoring_graph(model)
    output = score(graph, rows_of(model, table))
    assert output["contributions"].dtype == np.float32
    assert output["contributions"].shape[1] == len(model.contract.features)
    total = output["contributions"].astype(np.float64).sum(axis=1) + graph.intercept
    raw = output["raw_score"][:, 0].astype(np.float64)
    # Extreme rows have raw scores of up to a hundred, where float32 steps are about 1e-5.
    assert np.abs(total - raw).max() <= 1e-5 * max(1.0, np.abs(raw).max() / 10)
    ordinary = np.abs(raw) < 10
    assert np.abs(total - raw)[ordinary].max() <= 1e-5
    assert np.abs(expit(raw) - output["probability"][:, 0]).max() <= 1e-6


@pytest.mark.parametrize("family", FAMILIES)
def test_contributions_average_zero_over_the_training_rows(
    prove: Callable[[str], ProvedModel], family: str
) -> None:
    """They measure the difference between a customer and the average one."""
    proved = prove(family)
    contributions = score(proved.scoring, proved.model.training_matrix)["contributions"]
    # A forest's trees are grown on bootstrap samples, whose means differ slightly from the table's.
    tolerance = 0.05 if family == "random_forest" else 2e-3
    assert np.abs(contributions.mean(axis=0, dtype=np.float64)).max() < tolerance


@pytest.mark.parametrize("family", ["random_forest", "gradient_boosting", "boosting"])
def test_path_contributions_of_a_tree_add_up_from_the_root_to_each_leaf(
    prove: Callable[[str], ProvedModel], family: str
) -> None:
    model = prove(family).model
    trees = trees_of(model)
    for tree in trees.trees[:10]:
        leaves = tree.feature < 0
        paths = path_contributions(tree, column_owners(model))[leaves]
        np.testing.assert_allclose(paths.sum(axis=1) + tree.value[0], tree.value[leaves], atol=1e-12)
    assert root_value(trees) == pytest.approx(trees.base + sum(tree.value[0] for tree in trees.trees))


def test_a_feature_without_a_split_contributes_zero(settings: Settings, table: pd.DataFrame) -> None:
    constant = table.assign(gender="Female")
    model = train(settings, constant, "gradient_boosting")
    contributions = score(build_scoring_graph(model), rows_of(model, constant))["contributions"]
    assert not contributions[:, model.contract.position("gender")].any()
    assert contributions.any()


def test_contributions_of_an_additive_model_are_its_terms_and_half_of_each_pair(
    settings: Settings, table: pd.DataFrame
) -> None:
    model = train(settings, table, "additive", calibration="none")
    terms = additive_terms(model)
    assert terms.pairs
    rows = rows_of(model, table)
    steps = model.pipeline.named_steps
    represented = steps["represent"].transform(steps["engineer"].transform(rows))
    cells = [cells_of(c, edges) for c, edges in zip(represented.T, terms.thresholds, strict=True)]
    by_column = np.array([main[cell] for main, cell in zip(terms.mains, cells, strict=True)])
    for pair in terms.pairs:
        first, second = (to_table[cells[c]] for c, to_table in zip(pair.columns, pair.cells, strict=True))
        for column in pair.columns:
            by_column[column] += pair.values[first, second] / 2
    expected = np.zeros((len(rows), len(model.contract.features)))
    for values, column in zip(by_column, steps["engineer"].columns_, strict=True):
        for source in column.sources:
            expected[:, source] += values / len(column.sources)
    contributions = score(build_scoring_graph(model), rows)["contributions"]
    np.testing.assert_allclose(contributions, expected, atol=1e-5)

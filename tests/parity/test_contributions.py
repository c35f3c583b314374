"""Contributions add up to the score, for every family, calibrated or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.special import expit

from churn_core.config import parse_config
from churn_core.features import parse_table
from churn_core.models import train_model
from churn_core.models.additive.terms import cells_of
from churn_core.models.export.additive_graph import additive_terms
from churn_core.models.export.gate_rows import gate_rows
from churn_core.models.export.prove import prove_model
from churn_core.models.export.tree_ensembles import path_contributions, root_value, trees_of

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from churn_core.config import Settings
    from churn_core.models.export.prove import ProvedModel

FAMILIES = ("logistic_regression", "additive", "random_forest", "gradient_boosting")


def scored(proved: ProvedModel, table: pd.DataFrame) -> dict[str, np.ndarray]:
    """Score the gate's rows: unknown, missing and extreme values among them."""
    import onnxruntime as ort

    model = proved.model
    rows = gate_rows(model, model.encoder.transform(parse_table(table, model.contract))).matrix
    session = ort.InferenceSession(
        proved.scoring.model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {"features": rows}), strict=True))


@pytest.mark.parametrize("calibration", ["none", "sigmoid"])
@pytest.mark.parametrize("family", FAMILIES)
def test_contributions_and_intercept_add_up_to_the_raw_score(
    settings: Settings, sample_table: pd.DataFrame, family: str, calibration: str
) -> None:
    content = settings.model_dump()
    content["model"] |= {"type": family, "calibration": calibration}
    model = train_model(parse_config(content), sample_table, jobs=1)
    proved = prove_model(model, sample_table)
    answer = scored(proved, sample_table)
    assert answer["contributions"].dtype == np.float32
    assert answer["contributions"].shape[1] == len(model.contract.features)
    total = answer["contributions"].astype(np.float64).sum(axis=1) + proved.scoring.intercept
    raw = answer["raw_score"][:, 0].astype(np.float64)
    # Extreme rows reach raw scores of a hundred, where float32 itself has no finer steps than 1e-5.
    assert np.abs(total - raw).max() <= 1e-5 * max(1.0, np.abs(raw).max() / 10)
    ordinary = np.abs(raw) < 10
    assert np.abs(total - raw)[ordinary].max() <= 1e-5
    assert np.abs(expit(raw) - answer["probability"][:, 0]).max() <= 1e-6


@pytest.mark.parametrize("family", FAMILIES)
def test_contributions_average_out_over_the_training_rows(
    prove: Callable[[str], ProvedModel], family: str
) -> None:
    """They tell what sets a customer apart from the average one."""
    import onnxruntime as ort

    proved = prove(family)
    session = ort.InferenceSession(
        proved.scoring.model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    (contributions,) = session.run(["contributions"], {"features": proved.model.training_matrix})
    # A forest's trees are grown on bootstrap samples, whose means differ a little from the table's.
    tolerance = 0.05 if family == "random_forest" else 2e-3
    assert np.abs(contributions.mean(axis=0, dtype=np.float64)).max() < tolerance


@pytest.mark.parametrize("family", ["random_forest", "gradient_boosting"])
def test_a_trees_path_contributions_lead_from_the_root_to_each_leaf(
    prove: Callable[[str], ProvedModel], family: str
) -> None:
    model = prove(family).model
    trees = trees_of(model)
    columns = len(model.pipeline.named_steps["engineer"].columns_)
    for tree in trees.trees[:10]:
        leaves = tree.feature < 0
        paths = path_contributions(tree, columns)[leaves]
        np.testing.assert_allclose(paths.sum(axis=1) + tree.value[0], tree.value[leaves], atol=1e-12)
    assert root_value(trees) == pytest.approx(trees.base + sum(tree.value[0] for tree in trees.trees))


def test_a_feature_that_no_split_uses_contributes_nothing(
    settings: Settings, sample_table: pd.DataFrame
) -> None:
    table = sample_table.assign(gender="Female")
    content = settings.model_dump()
    content["model"]["type"] = "gradient_boosting"
    proved = prove_model(train_model(parse_config(content), table, jobs=1), table)
    position = proved.model.contract.position("gender")
    assert not scored(proved, table)["contributions"][:, position].any()


def test_an_additive_models_contributions_are_its_terms_a_pairs_in_halves(
    settings: Settings, sample_table: pd.DataFrame
) -> None:
    content = settings.model_dump()
    content["model"] = {"type": "additive", "params": {"pairs": 6}}
    model = train_model(parse_config(content), sample_table, jobs=1)
    proved = prove_model(model, sample_table)
    terms = additive_terms(model)
    assert terms.pairs
    rows = gate_rows(model, model.encoder.transform(parse_table(sample_table, model.contract))).matrix
    steps = model.pipeline.named_steps
    represented = steps["represent"].transform(steps["engineer"].transform(rows))
    cells = [cells_of(c, edges) for c, edges in zip(represented.T, terms.thresholds, strict=True)]
    by_column = np.array([main[cell] for main, cell in zip(terms.mains, cells, strict=True)])
    for pair in terms.pairs:
        first, second = (table[cells[c]] for c, table in zip(pair.columns, pair.cells, strict=True))
        for column in pair.columns:
            by_column[column] += pair.values[first, second] / 2
    expected = np.zeros((len(rows), len(model.contract.features)))
    for values, column in zip(by_column, steps["engineer"].columns_, strict=True):
        for source in column.sources:
            expected[:, source] += values / len(column.sources)
    np.testing.assert_allclose(scored(proved, sample_table)["contributions"], expected, atol=1e-5)

"""The parity gate passes what the product exports and names what differs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
import pandas as pd
import pytest
from onnx import numpy_helper

from churn_core.config import parse_config
from churn_core.errors import ParityError
from churn_core.features import parse_table
from churn_core.features.float32 import float32_floor
from churn_core.models import train_model
from churn_core.models.additive import terms as additive_terms
from churn_core.models.export import tree_ensembles
from churn_core.models.export.gate_rows import KINDS, MISSING, THRESHOLD, UNKNOWN, decode_rows, gate_rows
from churn_core.models.export.parity import (
    Comparison,
    check_parity,
    portable_graph_scorer,
    reference_scorer,
    scoring_graph_scorer,
)
from churn_core.models.export.prove import prove_model
from churn_core.models.export.scoring_graph import build_scoring_graph
from churn_core.schema import CategoryFeature
from churn_core.scoring.money import NOBODY

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from churn_core.config import Settings
    from churn_core.models.churn_model import ChurnModel
    from churn_core.models.export.gate_rows import GateRows
    from churn_core.models.export.parity import Scorer
    from churn_core.models.export.prove import ProvedModel
    from churn_core.models.export.scoring_graph import ScoringGraph

FAMILIES = ("logistic_regression", "additive", "random_forest", "gradient_boosting")


def ask_the_gate(model: ChurnModel, candidates: dict[str, Scorer], rows: GateRows) -> None:
    comparison = Comparison.run(reference_scorer(model), candidates, rows, model.contract)
    check_parity(comparison, 0.4, threshold_may_move=False)


def test_a_category_of_thousands_of_values_keeps_the_gate_small_and_every_value_in_it(
    settings: Settings, sample_table: pd.DataFrame
) -> None:
    content = settings.model_dump()
    content["data"]["features"]["city"] = {"kind": "category", "max_levels": 5}
    generator = np.random.default_rng(0)
    table = sample_table.assign(city=[f"city {n}" for n in generator.integers(0, 2_000, len(sample_table))])
    proved = prove_model(train_model(parse_config(content), table, jobs=1), table)
    city = proved.model.contract.feature("city")
    assert isinstance(city, CategoryFeature)
    known = len(city.vocabulary)
    assert known > 1_000
    assert known <= proved.parity.rows_by_kind["known category"] < known + 500
    assert proved.parity.rows_compared < 15_000


@pytest.fixture(params=FAMILIES)
def proved(request: pytest.FixtureRequest, prove: Callable[[str], ProvedModel]) -> ProvedModel:
    return prove(request.param)


def test_every_family_passes_on_at_least_ten_thousand_rows(proved: ProvedModel) -> None:
    assert proved.parity.rows_compared >= 10_000
    assert proved.parity.max_abs_difference <= 1e-6
    assert proved.parity.decisions_changed == 0
    assert set(proved.parity.rows_by_kind) == set(KINDS)


def test_the_gate_has_every_row_of_the_table_and_every_feature_missing_and_unknown(
    proved: ProvedModel, sample_table: pd.DataFrame
) -> None:
    model = proved.model
    table = model.encoder.transform(parse_table(sample_table, model.contract))
    rows = gate_rows(model, table)
    np.testing.assert_array_equal(rows.matrix[: len(table)], table)
    assert set(rows.feature[rows.kind == MISSING]) == set(range(len(model.contract.features)))
    categories = {model.contract.position(c.name) for c in model.contract.categories}
    assert set(rows.feature[rows.kind == UNKNOWN]) == categories


def split_thresholds(model: ChurnModel, column: int) -> np.ndarray:
    """Read an engineered column's thresholds from scikit-learn's own trees."""
    if model.settings.model.type == "additive":
        trees = [t.nodes for m in model.estimator.members_ for (t,) in m._predictors]
        found = [t["num_threshold"][(t["is_leaf"] == 0) & (t["feature_idx"] == column)] for t in trees]
        return float32_floor(np.concatenate(found))
    trees = tree_ensembles.trees_of(model).trees
    return np.concatenate([tree.threshold[tree.feature == column] for tree in trees])


@pytest.mark.parametrize("family", ["random_forest", "gradient_boosting", "additive"])
def test_the_gate_stands_on_every_tree_threshold_and_one_float32_step_beside(
    prove: Callable[[str], ProvedModel], sample_table: pd.DataFrame, family: str
) -> None:
    model = prove(family).model
    rows = gate_rows(model, model.encoder.transform(parse_table(sample_table, model.contract)))
    values = set(rows.matrix[rows.kind == THRESHOLD, model.contract.position("MonthlyCharges")].tolist())
    engineer = model.pipeline.named_steps["engineer"]
    column = [c.name for c in engineer.columns_].index("MonthlyCharges")
    wanted = {
        np.float32(neighbour).item()
        for threshold in split_thresholds(model, column)
        for neighbour in (
            threshold,
            np.nextafter(threshold, np.float32(-np.inf)),
            np.nextafter(threshold, np.float32(np.inf)),
        )
    }
    assert wanted
    assert wanted <= values


def test_thresholds_rounded_to_the_nearest_float32_are_caught(
    prove: Callable[[str], ProvedModel], sample_table: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A threshold that is rounded up lets a row pass that scikit-learn sends the other way."""
    model = prove("random_forest").model

    def round_up(threshold: np.ndarray) -> np.ndarray:
        return np.nextafter(float32_floor(threshold), np.float32(np.inf))

    monkeypatch.setattr(tree_ensembles, "float32_floor", round_up)
    with pytest.raises(ParityError, match=r"model\.onnx .* value at a threshold"):
        prove_model(model, sample_table)


def test_an_additive_model_collapsed_at_wrong_thresholds_is_caught(
    prove: Callable[[str], ProvedModel], sample_table: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = prove("additive").model
    monkeypatch.setattr(
        additive_terms,
        "float32_floor",
        lambda values: np.nextafter(float32_floor(values), np.float32(np.inf)),
    )
    with pytest.raises(ParityError, match=r"model\.onnx .* value at a threshold"):
        prove_model(model, sample_table)


def _changed(graph: onnx.ModelProto, change: Callable[[np.ndarray], np.ndarray | None]) -> onnx.ModelProto:
    """Return a copy with the first constant replaced that `change` does not answer None for."""
    copy = onnx.ModelProto()
    copy.CopyFrom(graph)
    for constant in copy.graph.initializer:
        changed = change(numpy_helper.to_array(constant).copy())
        if changed is not None:
            constant.CopyFrom(numpy_helper.from_array(changed, constant.name))
            return copy
    raise AssertionError("no constant to change")


def test_a_wrong_lookup_for_unknown_categories_is_named(
    proved_logistic: ProvedModel, sample_table: pd.DataFrame
) -> None:
    model = proved_logistic.model
    contract = model.contract
    position = contract.position("Contract")
    feature = contract.features[position]
    assert isinstance(feature, CategoryFeature)
    before = sum(
        len(c.vocabulary) + 2
        for c in contract.categories[: [c.name for c in contract.categories].index("Contract")]
    )

    def spoil(constant: np.ndarray) -> np.ndarray | None:
        if constant.dtype != np.float64 or constant.ndim != 1 or len(constant) < 10:
            return None
        constant[before + feature.unknown_code] += 0.5
        return constant

    spoilt = _changed(proved_logistic.scoring.model, spoil)
    rows = gate_rows(model, model.encoder.transform(parse_table(sample_table, contract)))
    with pytest.raises(ParityError, match=r"unknown category \(column 'Contract'\)"):
        ask_the_gate(model, {"model.onnx": scoring_graph_scorer(spoilt)}, rows)


def test_a_difference_on_an_ordinary_row_names_the_feature_behind_it(
    proved_logistic: ProvedModel, sample_table: pd.DataFrame
) -> None:
    model = proved_logistic.model
    contract = model.contract
    table = model.encoder.transform(parse_table(sample_table, contract))
    rows = gate_rows(model, table)
    honest = scoring_graph_scorer(proved_logistic.scoring.model)
    position = contract.position("tenure")

    def forgets_long_tenures(matrix: np.ndarray) -> np.ndarray:
        forgetful = matrix.copy()
        forgetful[:, position] = np.where(matrix[:, position] > 60, 60, matrix[:, position])
        return honest(forgetful)

    with pytest.raises(ParityError, match="'tenure'"):
        ask_the_gate(model, {"model.onnx": forgets_long_tenures}, rows)


def test_a_graph_that_answers_nan_is_caught(proved_logistic: ProvedModel, sample_table: pd.DataFrame) -> None:
    model = proved_logistic.model
    rows = gate_rows(model, model.encoder.transform(parse_table(sample_table, model.contract)))
    with pytest.raises(ParityError):
        ask_the_gate(model, {"model.onnx": lambda matrix: np.full(len(matrix), np.nan)}, rows)


def test_a_changed_decision_is_caught_even_within_the_tolerance(
    proved_logistic: ProvedModel, sample_table: pd.DataFrame
) -> None:
    model = proved_logistic.model
    rows = gate_rows(model, model.encoder.transform(parse_table(sample_table, model.contract)))
    reference = reference_scorer(model)
    on_the_edge = float(np.rint(reference(rows.matrix)[0] * 1e6) / 1e6)

    def a_little_less(matrix: np.ndarray) -> np.ndarray:
        return reference(matrix) - 9e-7

    comparison = Comparison.run(reference, {"model.onnx": a_little_less}, rows, model.contract)
    with pytest.raises(ParityError, match=r"decides .* otherwise"):
        check_parity(comparison, on_the_edge, threshold_may_move=False)
    result, threshold = check_parity(comparison, on_the_edge, threshold_may_move=True)
    assert threshold != on_the_edge
    assert abs(threshold - on_the_edge) < 1e-3
    assert result.decisions_changed == 0


@pytest.mark.parametrize("threshold", [0.0, 1.0, NOBODY])
def test_everybody_and_nobody_stay_what_they_are(proved_logistic: ProvedModel, threshold: float) -> None:
    rows = gate_rows(proved_logistic.model, proved_logistic.model.training_matrix)
    reference = reference_scorer(proved_logistic.model)
    comparison = Comparison.run(reference, {"model.onnx": reference}, rows, proved_logistic.model.contract)
    assert comparison.clear_threshold(threshold) == threshold


def test_a_failed_gate_writes_nothing(
    settings: Settings, sample_table: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from churn_core.models.export import prove as export
    from churn_core.pipelines import run_training

    def spoilt(model: ChurnModel) -> ScoringGraph:
        graph = build_scoring_graph(model)
        graph.model.CopyFrom(
            _changed(graph.model, lambda c: c + 0.1 if c.dtype == np.float64 and c.ndim == 1 else None)
        )
        return graph

    monkeypatch.setattr(export, "build_scoring_graph", spoilt)
    with pytest.raises(ParityError, match="nothing was written"):
        run_training(settings, sample_table, tmp_path / "bundle", jobs=1)
    assert list(tmp_path.iterdir()) == []


def test_both_graphs_score_the_real_table_as_scikit_learn(settings: Settings, telco_csv: Path) -> None:
    from churn_core.data import load_table
    from churn_core.models.training import train_model

    table = load_table(telco_csv)
    model = train_model(settings, table, jobs=1)
    proved = prove_model(model, table)
    matrix = model.encoder.transform(parse_table(table, model.contract))
    expected = model.predict_proba(table)
    for scorer in (
        scoring_graph_scorer(proved.scoring.model),
        portable_graph_scorer(proved.portable, model.contract),
    ):
        answer = scorer(matrix)
        assert np.abs(answer - expected).max() <= 1e-6
        assert ((answer >= proved.threshold) == (expected >= proved.threshold)).all()


def test_decoded_rows_encode_to_themselves(proved_logistic: ProvedModel, sample_table: pd.DataFrame) -> None:
    model = proved_logistic.model
    rows = gate_rows(model, model.encoder.transform(parse_table(sample_table, model.contract)))
    np.testing.assert_array_equal(
        model.encoder.transform(decode_rows(rows.matrix, model.contract)), rows.matrix
    )


def test_a_number_of_which_only_the_gaps_matter_passes() -> None:
    draw = np.random.default_rng(6)
    gap = draw.random(1_500) < 0.3
    table = pd.DataFrame(
        {
            "visits": np.where(gap, np.nan, draw.integers(0, 50, 1_500)),
            "age": draw.integers(18, 90, 1_500),
            "left": np.where(draw.random(1_500) < np.where(gap, 0.7, 0.2), "yes", "no"),
        }
    )
    number = {"kind": "number", "minimum": 0, "maximum": 100, "nullable": True}
    config = parse_config(
        {
            "data": {
                "target": {"column": "left", "positive": "yes", "negative": "no"},
                "features": {"visits": number, "age": number},
            },
            "model": {"type": "additive", "params": {"pairs": 1}},
            "evaluation": {"folds": 2, "repeats": 1},
        }
    )
    model = train_model(config, table, jobs=1)
    infinite = [
        nodes["num_threshold"][(nodes["is_leaf"] == 0) & (nodes["feature_idx"] == 0)]
        for member in model.estimator.members_
        for nodes in (tree.nodes for (tree,) in member._predictors)
    ]
    # scikit-learn parts gaps from all values by an infinite threshold: the case that this is about.
    assert np.isinf(np.concatenate(infinite)).any()
    assert prove_model(model, table).parity.max_abs_difference <= 1e-6

"""The parity gate accepts sound exports and names the difference in wrong ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
import pandas as pd
import pytest
from onnx import numpy_helper

from churn_core.config import parse_config
from churn_core.errors import ParityError
from churn_core.features.derived import float32_floor
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
from churn_core.models.families import FAMILIES
from churn_core.schema import CategoryFeature
from churn_core.scoring.money import LOWEST, NOBODY

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from churn_core.config import Settings
    from churn_core.models.churn_model import ChurnModel
    from churn_core.models.export.gate_rows import GateRows
    from churn_core.models.export.parity import Scorer
    from churn_core.models.export.prove import ProvedModel
    from churn_core.models.export.scoring_graph import ScoringGraph


def run_gate(model: ChurnModel, candidates: dict[str, Scorer], rows: GateRows) -> None:
    comparison = Comparison.run(reference_scorer(model), candidates, rows, model.contract)
    check_parity(comparison, 0.4, threshold_may_move=False)


def test_the_gate_stays_small_and_complete_for_a_category_with_thousands_of_values(
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


def test_the_portable_graph_lists_its_operator_sets_in_a_fixed_order(proved: ProvedModel) -> None:
    # skl2onnx lists them in an order that changes from run to run, so bundles of equal input would differ.
    domains = [opset.domain for opset in proved.portable.opset_import]
    assert domains == sorted(domains)


def test_the_gate_has_every_row_of_the_table_and_every_feature_missing_and_unknown(
    proved: ProvedModel, sample_table: pd.DataFrame
) -> None:
    model = proved.model
    table = model.encode(sample_table)
    rows = gate_rows(model, table)
    np.testing.assert_array_equal(rows.matrix[: len(table)], table)
    assert set(rows.feature[rows.kind == MISSING]) == set(range(len(model.contract.features)))
    categories = {model.contract.position(c.name) for c in model.contract.categories}
    assert set(rows.feature[rows.kind == UNKNOWN]) == categories


def split_thresholds(model: ChurnModel, column: int) -> np.ndarray:
    """Read an engineered column's thresholds from scikit-learn's own trees."""
    if model.settings.model.type == "additive":
        found = [
            nodes["num_threshold"][(nodes["is_leaf"] == 0) & (nodes["feature_idx"] == column)]
            for nodes in model.estimator.tree_nodes()
        ]
        return float32_floor(np.concatenate(found))
    trees = tree_ensembles.trees_of(model).trees
    return np.concatenate([tree.threshold[tree.feature == column] for tree in trees])


@pytest.mark.parametrize("family", ["random_forest", "gradient_boosting", "additive", "boosting"])
def test_the_gate_covers_every_tree_threshold_and_its_float32_neighbours(
    prove: Callable[[str], ProvedModel], sample_table: pd.DataFrame, family: str
) -> None:
    model = prove(family).model
    rows = gate_rows(model, model.encode(sample_table))
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
    """A threshold that is rounded up sends a row to another side than scikit-learn does."""
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
    """Return a copy with one constant replaced: the first for which `change` does not return None."""
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

    def change(constant: np.ndarray) -> np.ndarray | None:
        if constant.dtype != np.float64 or constant.ndim != 1 or len(constant) < 10:
            return None
        constant[before + feature.unknown_code] += 0.5
        return constant

    wrong = _changed(proved_logistic.scoring.model, change)
    rows = gate_rows(model, model.encode(sample_table))
    with pytest.raises(ParityError, match=r"unknown category \(column 'Contract'\)"):
        run_gate(model, {"model.onnx": scoring_graph_scorer(wrong)}, rows)


def test_a_difference_on_an_ordinary_row_names_the_feature_that_causes_it(
    proved_logistic: ProvedModel, sample_table: pd.DataFrame
) -> None:
    model = proved_logistic.model
    contract = model.contract
    table = model.encode(sample_table)
    rows = gate_rows(model, table)
    exact = scoring_graph_scorer(proved_logistic.scoring.model)
    position = contract.position("tenure")

    def caps_long_tenures(matrix: np.ndarray) -> np.ndarray:
        capped = matrix.copy()
        capped[:, position] = np.where(matrix[:, position] > 60, 60, matrix[:, position])
        return exact(capped)

    with pytest.raises(ParityError, match="'tenure'"):
        run_gate(model, {"model.onnx": caps_long_tenures}, rows)


def test_a_graph_that_returns_nan_is_caught(proved_logistic: ProvedModel, sample_table: pd.DataFrame) -> None:
    model = proved_logistic.model
    rows = gate_rows(model, model.encode(sample_table))
    with pytest.raises(ParityError):
        run_gate(model, {"model.onnx": lambda matrix: np.full(len(matrix), np.nan)}, rows)


def test_a_changed_decision_is_caught_even_within_the_tolerance(
    proved_logistic: ProvedModel, sample_table: pd.DataFrame
) -> None:
    model = proved_logistic.model
    rows = gate_rows(model, model.encode(sample_table))
    reference = reference_scorer(model)
    scores = reference(rows.matrix)
    rounded = np.rint(scores * 1e6) / 1e6
    # The score that was rounded up most falls below its rounded value.
    on_the_edge = float(rounded[np.argmin(scores - rounded)])

    def a_little_less(matrix: np.ndarray) -> np.ndarray:
        return reference(matrix) - 9e-7

    comparison = Comparison.run(reference, {"model.onnx": a_little_less}, rows, model.contract)
    with pytest.raises(ParityError, match=r"decide differently.*decision\.threshold"):
        check_parity(comparison, on_the_edge, threshold_may_move=False)
    result, threshold = check_parity(comparison, on_the_edge, threshold_may_move=True)
    assert threshold != on_the_edge
    assert abs(threshold - on_the_edge) < 1e-3
    assert result.decisions_changed == 0


@pytest.mark.parametrize("threshold", [LOWEST, 1.0, NOBODY])
def test_thresholds_for_everybody_and_nobody_do_not_move(
    proved_logistic: ProvedModel, threshold: float
) -> None:
    rows = gate_rows(proved_logistic.model, proved_logistic.model.training_matrix)
    reference = reference_scorer(proved_logistic.model)
    comparison = Comparison.run(reference, {"model.onnx": reference}, rows, proved_logistic.model.contract)
    assert comparison.clear_threshold(threshold) == threshold


def test_a_failed_gate_writes_nothing(
    settings: Settings, sample_table: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from churn_core.models.export import prove as export
    from churn_core.pipelines import run_training

    def wrong_graph(model: ChurnModel) -> ScoringGraph:
        graph = build_scoring_graph(model)
        graph.model.CopyFrom(
            _changed(graph.model, lambda c: c + 0.1 if c.dtype == np.float64 and c.ndim == 1 else None)
        )
        return graph

    monkeypatch.setattr(export, "build_scoring_graph", wrong_graph)
    with pytest.raises(ParityError, match="Nothing was written"):
        run_training(settings, sample_table, tmp_path / "bundle", jobs=1)
    assert list(tmp_path.iterdir()) == []


def test_both_graphs_agree_with_scikit_learn_on_the_real_table(settings: Settings, telco_csv: Path) -> None:
    from churn_core.data import load_table
    from churn_core.models.training import train_model

    table = load_table(telco_csv)
    model = train_model(settings, table, jobs=1)
    proved = prove_model(model, table)
    matrix = model.encode(table)
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
    rows = gate_rows(model, model.encode(sample_table))
    np.testing.assert_array_equal(
        model.encoder.transform(decode_rows(rows.matrix, model.contract)), rows.matrix
    )


def test_a_number_in_which_only_missing_matters_passes() -> None:
    draw = np.random.default_rng(6)
    missing = draw.random(1_500) < 0.3
    table = pd.DataFrame(
        {
            "visits": np.where(missing, np.nan, draw.integers(0, 50, 1_500)),
            "age": draw.integers(18, 90, 1_500),
            "left": np.where(draw.random(1_500) < np.where(missing, 0.7, 0.2), "yes", "no"),
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
        for nodes in model.estimator.tree_nodes()
    ]
    # This is the tested case: an infinite threshold separates missing values from all others.
    assert np.isinf(np.concatenate(infinite)).any()
    assert prove_model(model, table).parity.max_abs_difference <= 1e-6


@pytest.mark.parametrize("family", FAMILIES)
def test_a_model_that_has_learnt_nothing_passes(family: str) -> None:
    table = pd.DataFrame({"a": 1.0, "b": 2.0, "left": ["yes", "no", "no"] * 20})
    number = {"kind": "number", "minimum": 0, "maximum": 100}
    config = parse_config(
        {
            "data": {
                "target": {"column": "left", "positive": "yes", "negative": "no"},
                "features": {"a": number, "b": number},
            },
            "model": {"type": family},
            "evaluation": {"folds": 2, "repeats": 1},
        }
    )
    model = train_model(config, table, jobs=1)
    assert prove_model(model, table).parity.max_abs_difference <= 1e-6

"""The additive model gives the same results as boosted trees and collapsed into tables."""

from __future__ import annotations

import numpy as np
import pytest

from churn_core.models.additive.classifier import AdditiveBoostingClassifier
from churn_core.models.additive.pair_ranking import rank_pairs
from churn_core.models.additive.purification import purify
from churn_core.models.additive.terms import AdditiveTerms, cells_of, thresholds_of

ROWS = 3_000


def interacting_rows(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Columns 0 and 1 interact, 2 has an effect alone, 3 to 5 are noise; a tenth is missing."""
    draw = np.random.default_rng(seed)
    X = draw.normal(size=(ROWS, 6)).astype(np.float32)
    log_odds = 2.0 * np.sign(X[:, 0] * X[:, 1]) + 1.5 * (X[:, 2] > 0.5) - 1
    X[draw.random(X.shape) < 0.1] = np.nan
    y = (draw.random(ROWS) < 1 / (1 + np.exp(-log_odds))).astype(np.int64)
    return X, y


@pytest.fixture(scope="module")
def fitted() -> tuple[AdditiveBoostingClassifier, np.ndarray]:
    X, y = interacting_rows()
    return AdditiveBoostingClassifier(pairs=3, max_iter=60, random_state=5).fit(X, y), X


def sum_of_terms(terms: AdditiveTerms, X: np.ndarray) -> np.ndarray:
    cells = [cells_of(column, edges) for column, edges in zip(X.T, terms.thresholds, strict=True)]
    total = np.full(len(X), terms.intercept)
    for main, cell in zip(terms.mains, cells, strict=True):
        total += main[cell]
    for pair in terms.pairs:
        first, second = (to_table[cells[c]] for c, to_table in zip(pair.columns, pair.cells, strict=True))
        total += pair.values[first, second]
    return total


def test_the_collapsed_terms_agree_with_the_boosted_trees(
    fitted: tuple[AdditiveBoostingClassifier, np.ndarray],
) -> None:
    model, X = fitted
    terms = AdditiveTerms.from_model(model, X)
    edges = np.concatenate(thresholds_of(model))
    at_edges = np.random.default_rng(1).choice(edges, size=(20_000, X.shape[1])).astype(np.float32)
    above_edges = np.nextafter(at_edges, np.float32(np.inf))
    extreme = np.array([[np.nan] * 6, [3e38] * 6, [-3e38] * 6], dtype=np.float32)
    for rows in (X, at_edges, above_edges, extreme):
        np.testing.assert_allclose(sum_of_terms(terms, rows), model.decision_function(rows), atol=1e-12)


def test_a_column_in_which_only_missing_matters_has_two_cells() -> None:
    draw = np.random.default_rng(2)
    X = draw.normal(size=(ROWS, 2)).astype(np.float32)
    X[draw.random(ROWS) < 0.3, 0] = np.nan
    y = (draw.random(ROWS) < np.where(np.isnan(X[:, 0]), 0.8, 0.2)).astype(np.int64)
    model = AdditiveBoostingClassifier(pairs=1, max_iter=3, max_leaf_nodes=2, max_features=1.0).fit(X, y)
    terms = AdditiveTerms.from_model(model, X)
    assert terms.thresholds[0].tolist() == []
    others, missing = terms.mains[0]
    assert missing > others
    np.testing.assert_allclose(sum_of_terms(terms, X), model.decision_function(X), atol=1e-12)


def test_only_the_chosen_pairs_have_a_term(
    fitted: tuple[AdditiveBoostingClassifier, np.ndarray],
) -> None:
    model, X = fitted
    assert len(model.pairs_) == 3
    assert {pair.columns for pair in AdditiveTerms.from_model(model, X).pairs} <= set(model.pairs_)


def test_pairs_contain_no_effect_of_a_single_column(
    fitted: tuple[AdditiveBoostingClassifier, np.ndarray],
) -> None:
    model, X = fitted
    terms = AdditiveTerms.from_model(model, X)
    for pair in terms.pairs:
        first, second = (
            to_table[cells_of(X[:, c], terms.thresholds[c])]
            for c, to_table in zip(pair.columns, pair.cells, strict=True)
        )
        values = pair.values[first, second]
        for side in (first, second):
            means = np.bincount(side, weights=values) / np.maximum(np.bincount(side), 1)
            assert np.abs(means).max() < 1e-9
    for main, column, edges in zip(terms.mains, X.T, terms.thresholds, strict=True):
        assert abs(main[cells_of(column, edges)].mean()) < 1e-12


def test_an_interaction_is_found_and_learnt() -> None:
    X, y = interacting_rows()
    unseen, answers = interacting_rows(seed=9)
    alone, paired = (
        AdditiveBoostingClassifier(pairs=pairs, members=1, max_iter=60).fit(X, y) for pairs in (0, 1)
    )
    assert paired.pairs_ == [(0, 1)]
    assert alone.pairs_ == []

    def log_loss(model: AdditiveBoostingClassifier) -> float:
        likelihood = model.predict_proba(unseen)[np.arange(ROWS), answers]
        return float(-np.log(likelihood).mean())

    assert log_loss(paired) < log_loss(alone) - 0.1


def test_an_interacting_pair_ranks_first() -> None:
    X, y = interacting_rows(seed=3)
    X = np.nan_to_num(X)
    # Given the true log-odds of the single columns, only the interaction is left to explain.
    assert rank_pairs(X, y, 1.5 * (X[:, 2] > 0.5) - 1)[0] == (0, 1)


@pytest.mark.parametrize("direction", [1, -1])
def test_a_monotonic_column_never_acts_in_the_other_direction(direction: int) -> None:
    draw = np.random.default_rng(4)
    X = draw.normal(size=(ROWS, 3)).astype(np.float32)
    y = (draw.random(ROWS) < 1 / (1 + np.exp(-np.sin(3 * X[:, 0]) * X[:, 1]))).astype(np.int64)
    free, bound = (
        AdditiveBoostingClassifier(pairs=3, members=2, max_iter=60, monotonic=monotonic).fit(X, y)
        for monotonic in (None, [direction, 0, 0])
    )
    grid = np.repeat(X[:50], 100, axis=0)
    grid[:, 0] = np.tile(np.linspace(-3, 3, 100, dtype=np.float32), 50)

    def steps(model: AdditiveBoostingClassifier) -> np.ndarray:
        return direction * np.diff(model.decision_function(grid).reshape(50, 100), axis=1)

    assert steps(free).min() < -0.1
    assert steps(bound).min() > -1e-12


def test_the_output_is_the_mean_of_the_members(
    fitted: tuple[AdditiveBoostingClassifier, np.ndarray],
) -> None:
    model, X = fitted
    assert len(model.members_) == 4
    each = np.array([member.decision_function(X) for member in model.members_])
    assert each.std(axis=0).max() > 0.01
    np.testing.assert_allclose(model.decision_function(X), each.mean(axis=0))
    np.testing.assert_array_equal(model.predict(X), (model.predict_proba(X)[:, 1] > 0.5).astype(int))


def test_purification_moves_weighted_means_and_keeps_the_sum() -> None:
    values = np.array([[1.0, 2.0], [3.0, 8.0], [0.0, 5.0]])
    weights = np.array([[10.0, 5.0], [1.0, 4.0], [0.0, 0.0]])
    pure, rows, columns = purify(values, weights)
    np.testing.assert_allclose(pure + rows[:, None] + columns, values)
    np.testing.assert_allclose((weights * pure).sum(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose((weights * pure).sum(axis=1), 0, atol=1e-9)


def test_purification_of_a_plain_sum_leaves_zero() -> None:
    values = np.add.outer(np.array([1.0, -2.0, 4.0]), np.array([0.5, 3.0]))
    pure, _, _ = purify(values, np.array([[3.0, 1.0], [2.0, 2.0], [1.0, 7.0]]))
    np.testing.assert_allclose(pure, 0, atol=1e-9)


@pytest.mark.filterwarnings("error")
def test_few_rows_of_a_label_cause_no_warning() -> None:
    rows = np.arange(40, dtype=np.float32)[:, None]
    labels = np.repeat([0, 1], [36, 4])
    model = AdditiveBoostingClassifier(max_iter=3, members=2).fit(np.hstack([rows, -rows]), labels)
    assert len(model.members_) == 2

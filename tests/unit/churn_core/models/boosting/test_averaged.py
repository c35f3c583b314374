"""The mean of several small boostings."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.metrics import log_loss

from churn_core.models.additive.classifier import AdditiveBoostingClassifier
from churn_core.models.boosting.averaged import AveragedBoostingClassifier

Table = tuple[np.ndarray, np.ndarray]


def make_table(rows: int, columns: int = 4) -> Table:
    """Customers who leave where three columns are high at the same time."""
    draw = np.random.default_rng(5)
    X = draw.normal(size=(rows, columns)).astype(np.float32)
    together = np.all(X[:, :3] > -0.3, axis=1)
    y = (draw.random(rows) < np.where(together, 0.8, 0.1)).astype(np.int64)
    return X, y


@pytest.fixture(scope="module")
def table() -> Table:
    return make_table(3_000)


def test_three_columns_that_act_together_are_found(table: Table) -> None:
    (X, y), (unseen, left) = table, make_table(3_001)
    losses = {
        kind.__name__: log_loss(left, kind(members=2).fit(X, y).predict_proba(unseen)[:, 1])
        for kind in (AveragedBoostingClassifier, AdditiveBoostingClassifier)
    }
    assert losses["AveragedBoostingClassifier"] < losses["AdditiveBoostingClassifier"] - 0.01


def test_the_output_is_the_mean_of_the_members(table: Table) -> None:
    X, y = table
    model = AveragedBoostingClassifier(max_iter=20).fit(X, y)
    each = np.array([member.decision_function(X) for member in model.members_])
    assert len(each) == 8
    assert each.std(axis=0).max() > 0.01
    np.testing.assert_allclose(model.decision_function(X), each.mean(axis=0))


@pytest.mark.parametrize(("rows", "members"), [(19_999, 8), (20_000, 4), (100_000, 2), (300_000, 1)])
def test_larger_tables_have_fewer_members(rows: int, members: int) -> None:
    X, y = make_table(rows, columns=3)
    assert len(AveragedBoostingClassifier(max_iter=1).fit(X, y).members_) == members


def test_the_regularization_follows_the_rows() -> None:
    strengths = []
    for rows in (500, 6_000, 12_000):
        model = AveragedBoostingClassifier(members=1, max_iter=1).fit(*make_table(rows))
        strengths.append(model.members_[0].l2_regularization)
    assert strengths == [50, 75, 100]


def test_columns_after_those_with_a_direction_are_free(table: Table) -> None:
    X, y = table
    model = AveragedBoostingClassifier(members=1, max_iter=5, monotonic=[1, 0]).fit(X, y)
    np.testing.assert_array_equal(model.members_[0].monotonic_cst, [1, 0, 0, 0])


@pytest.mark.parametrize("kind", [AveragedBoostingClassifier, AdditiveBoostingClassifier])
def test_rows_of_a_group_never_stop_a_member_that_they_train(
    kind: type[AveragedBoostingClassifier], table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    X, y = table
    groups = np.arange(len(X)) // 3
    splits: list[tuple[np.ndarray, np.ndarray]] = []
    real = kind._fit_member

    def watched(
        model: AveragedBoostingClassifier, X: np.ndarray, labels: np.ndarray, split: Any, allowed: Any
    ) -> Any:
        splits.append(split)
        return real(model, X, labels, split, allowed)

    monkeypatch.setattr(kind, "_fit_member", watched)
    kind(max_iter=2).fit(X, y, groups=groups)
    assert len(splits) >= 4
    for fitted, stopped_by in splits:
        assert not set(groups[fitted]) & set(groups[stopped_by])


def test_two_groups_do_not_prevent_training(table: Table) -> None:
    X, y = table
    model = AveragedBoostingClassifier(max_iter=2).fit(X, y, groups=np.arange(len(X)) % 2)
    assert len(model.members_) == 8


def test_groups_of_one_label_do_not_prevent_training() -> None:
    """Each label is one giant group: no split of whole groups has both labels to train on."""
    X, y = make_table(400)
    groups = y.copy()
    groups[:6] = np.arange(2, 8)
    for kind in (AveragedBoostingClassifier, AdditiveBoostingClassifier):
        assert len(kind(max_iter=2).fit(X, y, groups=groups).members_) >= 4


def test_a_wide_table_is_used_only_where_it_predicts() -> None:
    X, y = make_table(2_000, columns=60)
    model = AveragedBoostingClassifier(members=2, monotonic=[1] * 60).fit(X, y)
    assert {0, 1, 2} <= set(model.columns_.tolist())
    assert len(model.columns_) < 20
    used = {int(c) for nodes in model.tree_nodes() for c in nodes["feature_idx"][nodes["is_leaf"] == 0]}
    assert {0, 1, 2} <= used <= set(model.columns_.tolist())
    others = np.delete(np.arange(60), model.columns_)
    changed = X.copy()
    changed[:, others] = 99
    np.testing.assert_array_equal(model.decision_function(changed), model.decision_function(X))


def test_pairs_of_a_wide_table_name_its_own_columns() -> None:
    X, y = make_table(4_000, columns=60)
    X = np.roll(X, 40, axis=1)
    model = AdditiveBoostingClassifier(pairs=3, members=1).fit(X, y)
    strongest = {frozenset(pair) for pair in model.pairs_}
    assert strongest == {frozenset({40, 41}), frozenset({40, 42}), frozenset({41, 42})}

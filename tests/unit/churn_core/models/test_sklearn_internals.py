"""scikit-learn's private parts still work as `sklearn_internals` expects; a new version may change them."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

import churn_core
from churn_core.models.sklearn_internals import (
    Interval,
    boosted_baseline,
    boosted_tree_nodes,
    boosting_constraints,
    check_parameters,
)

ONLY_PLACE = "models/sklearn_internals.py"


def private_uses(source: str) -> set[str]:
    """Find private attributes of other objects, and imports of private modules or names."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Store):
            own = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls", "other")
            if node.attr.startswith("_") and not node.attr.startswith("__") and not own:
                found.add(node.attr)
        elif isinstance(node, ast.ImportFrom) and not (node.module or "").startswith("_"):
            parts = [*(node.module or "").split(".")[1:], *(alias.name for alias in node.names)]
            found.update(part for part in parts if part.startswith("_") and not part.startswith("__"))
    return found


def test_no_other_module_of_the_models_uses_a_private_part_of_a_library() -> None:
    package = Path(churn_core.__file__).parent
    found = {
        path.relative_to(package).as_posix(): uses
        for room in ("models", "features", "pipelines")
        for path in (package / room).rglob("*.py")
        if (uses := private_uses(path.read_text(encoding="utf-8")))
    }
    assert set(found) == {ONLY_PLACE}
    assert {"_param_validation", "_validate_params", "_predictors", "_baseline_prediction"} <= found[
        ONLY_PLACE
    ]


def test_a_refused_parameter_is_named_before_any_fit() -> None:
    check_parameters(LogisticRegression(C=2.0))
    with pytest.raises(ValueError, match="'C' parameter of LogisticRegression"):
        check_parameters(LogisticRegression(C=-1))


def test_constraints_of_histogram_boosting_are_lists_of_accepted_values() -> None:
    constraints = boosting_constraints(["learning_rate", "max_iter"])
    assert set(constraints) == {"learning_rate", "max_iter"}
    assert all(isinstance(accepted[0], Interval) for accepted in constraints.values())


def walk(nodes: Any, row: np.ndarray) -> float:
    """Find the leaf of a row and return its value."""
    position = 0
    while not nodes[position]["is_leaf"]:
        node = nodes[position]
        value = row[node["feature_idx"]]
        left = node["missing_go_to_left"] if np.isnan(value) else value <= node["num_threshold"]
        position = int(node["left"] if left else node["right"])
    return float(nodes[position]["value"])


def test_trees_and_baseline_add_up_to_the_decision_function() -> None:
    generator = np.random.default_rng(2)
    X = generator.normal(size=(400, 3))
    X[generator.random(X.shape) < 0.2] = np.nan
    y = (np.nan_to_num(X[:, 0]) + np.isnan(X[:, 1]) + generator.normal(size=400) > 0.5).astype(np.int64)
    boosting = HistGradientBoostingClassifier(max_iter=10, max_leaf_nodes=6).fit(X, y)
    trees = boosted_tree_nodes(boosting)
    assert len(trees) == 10
    sums = [boosted_baseline(boosting) + sum(walk(nodes, row) for nodes in trees) for row in X]
    np.testing.assert_allclose(sums, boosting.decision_function(X), atol=1e-12)

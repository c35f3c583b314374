"""Compare the path contributions of a boosting with its exact SHAP values.

    python -m benchmarks.shapley [--data telco.csv] [--rows 1000]

Path-dependent SHAP values (Lundberg, Erion, Lee 2018, "Consistent Individualized Feature Attribution for
Tree Ensembles") are computed by their definition: each tree has at most eight leaves, hence at most seven
columns, so all sets of its columns can be tried. A column outside the set is averaged out by the training
rows that reach each side of its splits, which is how path contributions average too.
"""

from __future__ import annotations

import argparse
from math import factorial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from churn_core.config import load_config, parse_config, with_model_type
from churn_core.data import generate_sample_data, load_table
from churn_core.models import train_model
from churn_core.models.export.tree_ensembles import (
    Tree,
    column_owners,
    path_contributions,
    rows_by_node,
    trees_of,
)

if TYPE_CHECKING:
    import numpy.typing as npt

    Matrix = npt.NDArray[np.float32]
    Floats = npt.NDArray[np.float64]


def leaf_values(tree: Tree, matrix: Matrix, by_leaf: Floats) -> Floats:
    """Return the row of `by_leaf`, one for each node, of the leaf that each row of the matrix reaches."""
    node = np.zeros(len(matrix), dtype=np.int64)
    inner = tree.feature[node] >= 0
    while inner.any():
        values = matrix[np.flatnonzero(inner), tree.feature[node[inner]]]
        at = node[inner]
        goes_left = np.where(np.isnan(values), tree.missing_left[at], values <= tree.threshold[at])
        node[inner] = np.where(goes_left, tree.left[at], tree.right[at])
        inner = tree.feature[node] >= 0
    return by_leaf[node]


def shap_values(
    tree: Tree, matrix: Matrix, counts: npt.NDArray[np.int64], owners: npt.NDArray[np.int64]
) -> Floats:
    """Return the SHAP values of one tree, float64 of shape (rows, engineered columns)."""
    split_on = owners[tree.feature[tree.feature >= 0]]
    players = np.unique(split_on).tolist()
    sets = np.arange(2 ** len(players))
    expected = np.zeros((len(sets), len(matrix)))
    waiting = [(0, np.ones((len(sets), len(matrix))))]
    while waiting:
        node, weight = waiting.pop()
        if tree.feature[node] < 0:
            expected += weight * tree.value[node]
            continue
        values = matrix[:, tree.feature[node]]
        goes_left = np.where(np.isnan(values), tree.missing_left[node], values <= tree.threshold[node])
        known = (sets >> players.index(owners[tree.feature[node]])) & 1 == 1
        reached = max(int(counts[tree.left[node]] + counts[tree.right[node]]), 1)
        for child, goes in ((tree.left[node], goes_left), (tree.right[node], ~goes_left)):
            waiting.append((child, weight * np.where(known[:, None], goes[None, :], counts[child] / reached)))
    result = np.zeros((len(matrix), int(owners.max()) + 1))
    sizes = np.array([int(number).bit_count() for number in sets])
    count = len(players)
    shares = np.array([factorial(k) * factorial(count - k - 1) / factorial(count) for k in range(count)])
    for position, player in enumerate(players):
        without = sets[(sets >> position) & 1 == 0]
        gained = expected[without | (1 << position)] - expected[without]
        result[:, player] += shares[sizes[without]] @ gained
    return result


def main() -> None:
    """Print how often and how far the two disagree."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument(
        "--data", type=Path, help="a table with the sample's columns (default: sample customers)"
    )
    parser.add_argument("--rows", type=int, default=1_000, help="customers whose reasons are compared")
    options = parser.parse_args()
    content = load_config().model_dump() | {"evaluation": {"folds": 2, "repeats": 1}}
    settings = with_model_type(parse_config(content), "boosting")
    table = (
        load_table(options.data, settings.contract) if options.data else generate_sample_data(7_000, seed=1)
    )
    model = train_model(settings, table, jobs=1)
    steps, owners = model.pipeline.named_steps, column_owners(model)
    matrix = steps["represent"].transform(steps["engineer"].transform(model.training_matrix))
    rows = matrix[: options.rows]
    paths = np.zeros((len(rows), int(owners.max()) + 1))
    exact = np.zeros_like(paths)
    for tree in trees_of(model).trees:
        paths += leaf_values(tree, rows, path_contributions(tree, owners))
        exact += shap_values(tree, rows, rows_by_node(tree, matrix), owners)
    assert np.allclose(paths.sum(axis=1), exact.sum(axis=1), atol=1e-6)
    first, first_exact = np.argmax(paths, axis=1), np.argmax(exact, axis=1)
    three, three_exact = (np.sort(np.argsort(-found, axis=1)[:, :3], axis=1) for found in (paths, exact))
    print(f"{len(rows):,} customers, {paths.shape[1]} columns, {len(trees_of(model).trees)} trees")
    print(f"same strongest reason: {np.mean(first == first_exact):.1%}")
    print(f"same three strongest, in any order: {np.mean((three == three_exact).all(axis=1)):.1%}")
    print(f"correlation of all contributions: {np.corrcoef(paths.ravel(), exact.ravel())[0, 1]:.4f}")
    difference = np.abs(paths - exact)
    print(f"mean absolute contribution: {np.abs(exact).mean():.3f}, difference: {difference.mean():.3f}")
    worst = int(difference.max(axis=1).argmax())
    names = [column.name for column in steps["engineer"].columns_]
    print("the customer with the largest difference (path, SHAP):")
    for column in np.argsort(-difference[worst])[:3]:
        print(f"  {names[column]}: {paths[worst, column]:+.2f}, {exact[worst, column]:+.2f}")


if __name__ == "__main__":
    main()

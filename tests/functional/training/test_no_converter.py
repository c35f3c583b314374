"""A model family without a converter ends in one sentence that names the file to write."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier

from churn_core.config import parse_config
from churn_core.errors import ExportError
from churn_core.models.export.prove import prove_model
from churn_core.models.families import FAMILIES, Family
from churn_core.models.training import train_model

if TYPE_CHECKING:
    import pandas as pd

    from churn_core.config import Settings


@pytest.mark.parametrize(
    ("family", "place"),
    [
        (
            Family(KNeighborsClassifier, {}, "one_hot", "linear", always_calibrated=True),
            "scoring_graph.py (_write_linear)",
        ),
        (
            Family(ExtraTreesClassifier, {}, "ordinal", "trees", always_calibrated=True),
            "tree_ensembles.py (TREE_READERS)",
        ),
        (
            Family(GaussianNB, {}, "ordinal", "trees", always_calibrated=True),
            "tree_ensembles.py (TREE_READERS)",
        ),
    ],
)
def test_the_file_to_write_is_named(
    family: Family,
    place: str,
    settings: Settings,
    sample_table: pd.DataFrame,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(FAMILIES, "random_forest", family)
    content = settings.model_dump() | {
        "model": {"type": "random_forest"},
        "evaluation": {"folds": 2, "repeats": 1},
    }
    model = train_model(parse_config(content), sample_table, jobs=1)
    with pytest.raises(ExportError) as caught:
        prove_model(model, sample_table)
    assert f"churn_core/models/export/{place}" in str(caught.value)
    assert family.estimator.__name__ in str(caught.value)

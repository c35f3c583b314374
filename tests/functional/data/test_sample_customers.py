"""Sample customers: models learn from them as well as stated, and their CSV file is safe to open."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from churn_core.data import generate_sample_data, write_sample_data
from churn_core.data.generation import churn_probability
from infra.local.tools import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("model", "stated"),
    [
        (make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)), 0.851),
        (HistGradientBoostingClassifier(max_iter=80, max_depth=3, random_state=0), 0.853),
    ],
    ids=["logistic regression", "gradient boosting"],
)
def test_given_a_model_then_it_comes_close_to_the_best_possible_auc(model: Any, stated: float) -> None:
    customers = generate_sample_data(60_000, seed=11)
    features = customers.drop(columns=["customerID", "Churn"]).fillna({"TotalCharges": 0.0})
    X = pd.get_dummies(features, drop_first=True).astype(float)
    y = (customers["Churn"] == "Yes").to_numpy()
    half = len(customers) // 2
    scores = model.fit(X[:half], y[:half]).predict_proba(X[half:])[:, 1]
    auc = roc_auc_score(y[half:], scores)
    assert auc == pytest.approx(stated, abs=0.012)
    assert 0.82 < auc < roc_auc_score(y[half:], churn_probability(customers)[half:])


def test_no_cell_of_a_generated_csv_file_is_a_formula_to_a_spreadsheet(tmp_path: Path) -> None:
    write_sample_data(tmp_path / "customers.csv", 5_000, seed=3)
    lines = (tmp_path / "customers.csv").read_bytes().split(b"\n")
    cells = [cell for line in lines for cell in line.split(b",")]
    assert len(cells) > 100_000
    assert not [cell for cell in cells if cell.startswith((b"=", b"+", b"-", b"@", b"\t", b"\r"))]


def test_only_writers_that_keep_text_from_being_a_formula_write_csv() -> None:
    """A new writer of CSV has to keep customers' texts from becoming formulas (SECURITY.md)."""
    writers_that_make_text_safe = ["generation.py", "output_formats.py"]
    writers = re.compile(r"to_csv|write_csv|csv\.(Dict)?[wW]riter|CSVWriter|\bFORMAT\W+csv", re.IGNORECASE)
    code = [path for root in ("churn_core", "functions") for path in (REPOSITORY / root).rglob("*.py")]
    assert len(code) > 100
    found = [path.name for path in code if writers.search(path.read_text(encoding="utf-8"))]
    assert sorted(found) == sorted(writers_that_make_text_safe)

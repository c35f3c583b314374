"""Models learn from sample customers as well as the module of the generator says."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from churn_core.data import generate_sample_data
from churn_core.data.generation import churn_probability


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

"""The typical customer: made of the training table's medians and most frequent values."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from churn_core.scoring.bundle import Bundle, load_bundle
from churn_core.scoring.predictor import ChurnPredictor
from functions.score.model_info import model_info, typical_customer

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd


@pytest.fixture(scope="module")
def bundle(sample_bundle: Path) -> Bundle:
    return load_bundle(sample_bundle)


def test_a_typical_number_is_near_the_median_and_a_category_the_most_frequent(
    bundle: Bundle, sample_table: pd.DataFrame
) -> None:
    typical: dict[str, Any] = typical_customer(bundle)
    for name in ("tenure", "MonthlyCharges"):
        low, high = np.quantile(sample_table[name], [0.4, 0.6])
        assert low <= typical[name] <= high
    assert isinstance(typical["tenure"], int)
    for name in ("Contract", "PaymentMethod", "InternetService"):
        assert typical[name] == sample_table[name].mode()[0]


def test_the_typical_customer_can_be_scored(bundle: Bundle) -> None:
    answer = ChurnPredictor(bundle).predict(typical_customer(bundle))
    assert answer["warnings"] == []


def test_a_bundle_without_a_profile_has_a_typical_customer_too(bundle: Bundle) -> None:
    plain = replace(bundle, manifest={k: v for k, v in bundle.manifest.items() if k != "profile"})
    typical = typical_customer(plain)
    assert (typical["tenure"], typical["Contract"]) == (0, "Month-to-month")
    assert ChurnPredictor(bundle).predict(typical)["warnings"] == []


def test_the_model_info_has_the_intercept_and_the_limits(bundle: Bundle) -> None:
    info = model_info(bundle)
    assert info["intercept"] == bundle.manifest["reasons"]["intercept"]
    assert info["limits"]["customers"] == 1_000

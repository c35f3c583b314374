"""The gate catches every conversion that is known to be wrong without an error.

Each test trains a pipeline that could be a model family, converts it with skl2onnx in the usual way, and runs
the gate. The converters are wrong for these estimators and settings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime as ort
import pytest
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from churn_core.data.columns import target_labels
from churn_core.errors import ParityError
from churn_core.features import parse_table
from churn_core.models.export.gate_rows import GateRows, gate_rows
from churn_core.models.export.parity import Comparison, check_parity

if TYPE_CHECKING:
    import pandas as pd

    from churn_core.models.export.prove import ProvedModel
    from churn_core.schema import Contract

INVALID_GRAPH = ort.capi.onnxruntime_pybind11_state.Fail


class Bench:
    """An encoded table and its gate rows."""

    def __init__(self, proved: ProvedModel, table: pd.DataFrame) -> None:
        model = proved.model
        self.contract: Contract = model.contract
        self.matrix = model.encoder.transform(parse_table(table, self.contract))
        self.labels = target_labels(table[self.contract.target], self.contract)
        self.rows: GateRows = gate_rows(model, self.matrix)

    def run_gate(self, estimator: Any, *, filled: bool = True) -> None:
        """Fit, convert in the usual way and compare; `filled` replaces missing numbers first."""
        fill = np.nan_to_num if filled else np.asarray
        estimator.fit(fill(self.matrix), self.labels)
        graph = convert_sklearn(
            estimator,
            initial_types=[("features", FloatTensorType([None, self.matrix.shape[1]]))],
            options={id(estimator): {"zipmap": False}},
            target_opset={"": 21, "ai.onnx.ml": 3},
        )
        session = ort.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
        comparison = Comparison.run(
            lambda rows: estimator.predict_proba(fill(rows))[:, 1].astype(np.float64),
            {
                "converted": lambda rows: session.run(None, {"features": fill(rows)})[1][:, 1].astype(
                    np.float64
                )
            },
            self.rows,
            self.contract,
        )
        check_parity(comparison, 0.5, threshold_may_move=True)


@pytest.fixture(scope="module")
def bench(proved_logistic: ProvedModel, sample_table: pd.DataFrame) -> Bench:
    return Bench(proved_logistic, sample_table)


def test_a_sound_conversion_passes(bench: Bench) -> None:
    bench.run_gate(GradientBoostingClassifier(n_estimators=20, random_state=0))


def test_a_forest_with_missing_numbers_is_caught(bench: Bench) -> None:
    """sklearn-onnx#1253: the direction of missing values is lost."""
    assert np.isnan(bench.matrix).any()
    with pytest.raises(ParityError, match=r"missing value \(column 'MonthlyCharges'\)"):
        bench.run_gate(RandomForestClassifier(30, max_depth=10, random_state=0), filled=False)


def test_float32_scaling_before_a_forest_is_caught(bench: Bench) -> None:
    """StandardScaler computes in float64, its ONNX operator in float32: rows cross thresholds."""
    forest = make_pipeline(StandardScaler(), RandomForestClassifier(100, max_depth=14, random_state=0))
    wide = Bench.__new__(Bench)
    wide.__dict__ |= bench.__dict__
    wide.matrix = bench.matrix.astype(np.float64)
    with pytest.raises(ParityError):
        wide.run_gate(forest)


def test_isotonic_calibration_is_caught(bench: Bench) -> None:
    """sklearn-onnx#1151: the converter takes the nearest knot instead of interpolating."""
    calibrated = CalibratedClassifierCV(
        GradientBoostingClassifier(n_estimators=20, random_state=0), method="isotonic", ensemble=False
    )
    with pytest.raises(ParityError, match=r"converted differs from scikit-learn"):
        bench.run_gate(calibrated)


def test_calibration_around_a_pipeline_is_caught(bench: Bench) -> None:
    """sklearn-onnx#1082: the pipeline's steps before the classifier are left out."""
    calibrated = CalibratedClassifierCV(
        make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)), ensemble=False
    )
    with pytest.raises(ParityError):
        bench.run_gate(calibrated)


def test_dropped_missing_indicators_are_caught(bench: Bench) -> None:
    """The conversion of SimpleImputer(add_indicator=True) drops its indicator columns."""
    generator = np.random.default_rng(0)
    labelled_by_missing = Bench.__new__(Bench)
    labelled_by_missing.__dict__ |= bench.__dict__
    # Missing determines the label, and after the imputer only the indicator shows it.
    labelled_by_missing.matrix = bench.matrix.copy()
    charge = bench.contract.position("MonthlyCharges")
    labelled_by_missing.matrix[generator.random(len(labelled_by_missing.matrix)) < 0.3, charge] = np.nan
    labelled_by_missing.labels = np.isnan(labelled_by_missing.matrix[:, charge]).astype(np.int64)
    imputed = make_pipeline(
        SimpleImputer(strategy="median", add_indicator=True),
        GradientBoostingClassifier(n_estimators=20, random_state=0),
    )
    with pytest.raises((ParityError, INVALID_GRAPH)):
        labelled_by_missing.run_gate(imputed, filled=False)

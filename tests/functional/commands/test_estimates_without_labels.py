"""Metrics estimated without labels are close to the real ones, also for other kinds of customers."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from churn_core.data import generate_sample_data, load_table
from churn_core.models.evaluation.bundle_evaluation import evaluate_bundle
from churn_core.pipelines import run_training
from churn_core.scoring.files.drift_pass import measure_drift
from churn_core.scoring.predictor import ChurnPredictor
from tests.functional.customer_files import write_table

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from churn_core.config import Settings

METRICS = ("roc_auc", "precision", "recall", "f1")
SHIFTS: dict[str, Callable[[pd.DataFrame], pd.Series[float]]] = {
    "none": lambda table: pd.Series(1.0, table.index),
    "new customers": lambda table: 1.0 / (1.0 + table["tenure"]),
    "old customers": lambda table: table["tenure"] / 72,
    "short contracts": lambda table: (table["Contract"] == "Month-to-month") + 0.1,
    "expensive": lambda table: (table["MonthlyCharges"] / 100) ** 2,
}


def shifted(table: pd.DataFrame, shift: str) -> pd.DataFrame:
    """Keep each row with a probability that depends only on its columns: a covariate shift."""
    share = SHIFTS[shift](table)
    kept = np.random.default_rng(6).random(len(table)) < share / share.max()
    remaining: pd.DataFrame = table[kept].reset_index(drop=True)
    return remaining


def errors(predictor: ChurnPredictor, table: pd.DataFrame, path: Path) -> dict[str, float]:
    """Return the estimated minus the real value by metric."""
    estimated = asdict(measure_drift(write_table(table, path), predictor).report.estimated)
    real = evaluate_bundle(predictor, table)["metrics"]
    contract = predictor.contract
    rate = float((table[contract.target] == contract.positive).mean())
    return {name: estimated[name] - real[name] for name in METRICS} | {
        "churn_rate": estimated["churn_rate"] - rate
    }


@pytest.mark.parametrize("shift", SHIFTS)
@pytest.mark.parametrize("family", ["logistic_regression", "gradient_boosting"])
def test_the_estimate_is_close_on_sample_customers_of_another_kind(
    shift: str, family: str, bundle_of: Callable[[str], Path], tmp_path: Path
) -> None:
    predictor = ChurnPredictor.load(bundle_of(family))
    table = shifted(generate_sample_data(20_000, seed=31), shift)
    found = errors(predictor, table, tmp_path / "in.parquet")
    assert {name: error for name, error in found.items() if abs(error) > 0.06} == {}
    assert abs(found["churn_rate"]) < 0.04


@pytest.mark.parametrize("shift", SHIFTS)
def test_the_estimate_is_close_on_real_customers_of_another_kind(
    shift: str, telco_model: tuple[ChurnPredictor, pd.DataFrame], tmp_path: Path
) -> None:
    predictor, held_out = telco_model
    found = errors(predictor, shifted(held_out, shift), tmp_path / "in.parquet")
    # Wider limits: a few hundred to two thousand customers, of whom as few as fifty leave.
    assert {name: error for name, error in found.items() if abs(error) > 0.1} == {}
    assert abs(found["churn_rate"]) < 0.05


def test_the_estimate_is_closer_than_the_holdouts_metrics(sample_bundle: Path, tmp_path: Path) -> None:
    predictor = ChurnPredictor.load(sample_bundle)
    customers = generate_sample_data(20_000, seed=31)
    estimate = holdout = 0.0
    for shift in SHIFTS:
        table = shifted(customers, shift)
        report = measure_drift(write_table(table, tmp_path / "in.parquet"), predictor).report
        real = evaluate_bundle(predictor, table)["metrics"]
        estimated = asdict(report.estimated)
        estimate += sum(abs(estimated[name] - real[name]) for name in METRICS)
        holdout += sum(abs(report.measured[name] - real[name]) for name in METRICS)
    assert estimate < holdout / 3


@pytest.fixture(scope="module")
def telco_model(
    telco_csv: Path, settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> tuple[ChurnPredictor, pd.DataFrame]:
    """A model trained on half of the customers, and the other half."""
    table = load_table(telco_csv, settings.contract)
    half = np.random.default_rng(1).permutation(len(table)) < len(table) // 2
    folder = tmp_path_factory.mktemp("telco")
    # Written to and read from CSV, so that the cells get the same types as in the command.
    training, held_out = (
        load_table(write_table(table[part], folder / f"{name}.csv"), settings.contract)
        for name, part in (("training", half), ("held_out", ~half))
    )
    run = run_training(settings, training, folder / "bundle", jobs=1)
    types = dict.fromkeys(("tenure", "MonthlyCharges"), float)
    return ChurnPredictor(run.bundle), held_out.astype(types)

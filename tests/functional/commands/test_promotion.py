"""`churn train --promote`: a model replaces another one only if it is not worse."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import yaml

from churn_core.cli import main
from churn_core.data import generate_sample_data
from churn_core.errors import TrainingError
from churn_core.pipelines import run_training
from churn_core.pipelines.promotion import Promotion, compare, require_no_worse
from churn_core.scoring.bundle import load_bundle

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from churn_core.config import Settings
    from churn_core.models.export.prove import ProvedModel


@pytest.fixture(scope="module")
def permuted_table(sample_table: pd.DataFrame) -> pd.DataFrame:
    """The same customers with permuted labels: nothing can be learnt from them."""
    mixed = sample_table.copy()
    mixed["Churn"] = np.random.default_rng(5).permutation(mixed["Churn"])
    return mixed


def test_a_model_is_not_worse_than_itself(
    proved_logistic: ProvedModel, sample_bundle: Path, sample_table: pd.DataFrame
) -> None:
    found = compare(sample_bundle, proved_logistic.model, sample_table)

    assert found.previous == load_bundle(sample_bundle).model_version
    assert found.rows == len(proved_logistic.model.holdout_labels)
    # The bundle's scores are rounded to six decimals.
    assert found.log_loss == pytest.approx(found.previous_log_loss, abs=1e-5)
    assert found.log_loss == pytest.approx(proved_logistic.model.holdout["log_loss"], abs=1e-5)
    assert not found.is_worse


def test_a_worse_model_does_not_replace_the_better_one(
    settings: Settings,
    sample_table: pd.DataFrame,
    proved_logistic: ProvedModel,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = tmp_path / "bundle"
    first = run_training(settings, sample_table, folder, jobs=1, promote=True)
    assert first.promotion is None, "there was nothing to compare with"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    # A model with the same score for all customers.
    model = proved_logistic.model
    flat = replace(model, holdout_probabilities=np.full(len(model.holdout_labels), 0.5))
    monkeypatch.setattr("churn_core.pipelines.training.train_model", lambda *_, **__: flat)

    with pytest.raises(TrainingError, match=r"worse and was not written.*--promote"):
        run_training(settings, sample_table, folder, jobs=1, promote=True)

    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_difference_within_the_margin_is_not_worse() -> None:
    found = Promotion("churn-0123456789ab", 100, log_loss=0.41, previous_log_loss=0.40, margin=0.01)
    assert not replace(found, log_loss=0.4099).is_worse
    assert replace(found, log_loss=0.4101).is_worse
    with pytest.raises(TrainingError, match=r"100 held-out rows is 0\.410100"):
        require_no_worse(replace(found, log_loss=0.4101))


def test_a_model_of_noise_is_replaced_by_a_better_one(
    settings: Settings, permuted_table: pd.DataFrame, sample_table: pd.DataFrame, tmp_path: Path
) -> None:
    run_training(settings, permuted_table, tmp_path / "bundle", jobs=1)
    noise = load_bundle(tmp_path / "bundle").model_version

    run = run_training(settings, sample_table, tmp_path / "bundle", jobs=1, promote=True)

    assert run.promotion is not None
    assert run.promotion.previous == noise
    assert run.promotion.log_loss + run.promotion.margin < run.promotion.previous_log_loss
    assert load_bundle(tmp_path / "bundle").model_version == run.bundle.model_version != noise


def test_the_command_reports_what_was_replaced_and_what_was_not(
    settings: Settings,
    sample_bundle: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shutil.copytree(sample_bundle, tmp_path / "bundle")
    generate_sample_data(2_000, seed=3).to_parquet(tmp_path / "customers.parquet")
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(settings.model_dump(mode="json")))
    words = ["train", str(tmp_path / "customers.parquet"), "--out", str(tmp_path / "bundle")]
    words += ["--config", str(tmp_path / "config.yaml"), "--promote"]
    monkeypatch.setattr(Promotion, "is_worse", False)
    # Workers would take longer to start than these folds to fit.
    monkeypatch.setattr("os.cpu_count", lambda: 1)

    assert main([*words, "--json"]) == 0
    printed: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert printed["promotion"]["previous"] == load_bundle(sample_bundle).model_version
    assert load_bundle(tmp_path / "bundle").model_version == printed["model_version"]

    monkeypatch.setattr(Promotion, "is_worse", True)
    assert main(words) == 1
    error = capsys.readouterr().err
    assert f"that of {printed['model_version']} is " in error
    assert "not written" in error
    assert load_bundle(tmp_path / "bundle").model_version == printed["model_version"]

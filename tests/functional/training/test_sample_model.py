"""Only the sample model is marked as a sample, and its digest covers the mark."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from churn_core.errors import BundleError
from churn_core.pipelines.sample import sample_model
from churn_core.scoring.bundle import load_bundle
from churn_core.scoring.predictor import ChurnPredictor
from functions.score.model_info import model_info

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample") / "model"
    sample_model(folder)
    return folder


def test_only_the_sample_model_is_marked(sample: Path, sample_bundle: Path) -> None:
    assert json.loads((sample / "manifest.json").read_text())["sample"] is True
    assert model_info(load_bundle(sample))["sample"] is True
    # Without the key in other models their digests do not depend on it.
    assert "sample" not in load_bundle(sample_bundle).manifest
    assert model_info(load_bundle(sample_bundle))["sample"] is False


def test_the_sample_model_can_score(sample: Path) -> None:
    assert ChurnPredictor.load(sample).bundle.manifest["golden_rows"]


def test_the_mark_can_not_be_removed(sample: Path, tmp_path: Path) -> None:
    shutil.copytree(sample, tmp_path / "unmarked")
    manifest = json.loads((sample / "manifest.json").read_text())
    (tmp_path / "unmarked" / "manifest.json").write_text(json.dumps(manifest | {"sample": False}))

    with pytest.raises(BundleError, match="was altered"):
        load_bundle(tmp_path / "unmarked")


def test_an_existing_sample_is_reused_and_any_other_model_refused(sample: Path, sample_bundle: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in sample.iterdir()}
    assert sample_model(sample) == load_bundle(sample)
    assert {path: path.stat().st_mtime_ns for path in sample.iterdir()} == before
    with pytest.raises(BundleError, match="not a sample"):
        sample_model(sample_bundle)

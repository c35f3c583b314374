"""Bundles are written completely or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from churn_core.errors import OutputError
from churn_core.models.bundle.golden_rows import golden_records
from churn_core.models.bundle.writer import write_bundle
from churn_core.reports import render_report
from churn_core.scoring.bundle import load_bundle
from churn_core.scoring.predictor import ChurnPredictor

if TYPE_CHECKING:
    import pandas as pd

    from churn_core.models.export.prove import ProvedModel

FILES = {"model.onnx", "portable.onnx", "manifest.json", "metrics.json", "report.html"}


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_manifest_has_the_keys_that_a_reader_needs(sample_bundle: Path) -> None:
    manifest = json.loads((sample_bundle / "manifest.json").read_text())
    assert set(manifest["files"]) == FILES - {"manifest.json"}
    assert {"contract", "encoding", "decision", "metrics", "profile", "libraries", "golden_rows"} <= set(
        manifest
    )
    assert manifest["model_version"] == f"churn-{manifest['model_digest'][:12]}"
    metrics = json.loads((sample_bundle / "metrics.json").read_text())
    assert set(metrics["cv"]["roc_auc"]) == {"mean", "low", "high"}
    assert {"rows_compared", "max_abs_difference", "decisions_changed"} <= set(metrics["parity"])
    assert metrics["parity"]["rows_compared"] >= 10_000


def test_a_bundle_contains_no_customer_id(sample_bundle: Path, sample_table: pd.DataFrame) -> None:
    everything = b"".join(contents(sample_bundle).values())
    assert not any(identifier.encode() in everything for identifier in sample_table["customerID"])


def test_an_older_bundle_is_replaced(proved_logistic: ProvedModel, tmp_path: Path) -> None:
    report = render_report(proved_logistic)
    write_bundle(proved_logistic, report, tmp_path / "bundle")
    (tmp_path / "bundle" / "report.html").write_text("older")
    write_bundle(proved_logistic, report, tmp_path / "bundle")
    assert (tmp_path / "bundle" / "report.html").read_text() == report
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


def test_a_folder_with_other_files_is_refused_and_unchanged(
    proved_logistic: ProvedModel, tmp_path: Path
) -> None:
    (tmp_path / "diary.txt").write_text("dear diary")
    with pytest.raises(OutputError, match=r"not a model bundle.*--out"):
        write_bundle(proved_logistic, "", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["diary.txt"]


def test_a_failure_in_the_middle_keeps_the_older_bundle(
    proved_logistic: ProvedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_bundle(proved_logistic, render_report(proved_logistic), tmp_path / "bundle")
    before = contents(tmp_path / "bundle")

    def fail(folder: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(ChurnPredictor, "load", fail)
    with pytest.raises(OutputError, match="No space left"):
        write_bundle(proved_logistic, "new", tmp_path / "bundle")
    assert contents(tmp_path / "bundle") == before
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


def test_golden_rows_conform_to_the_contract_and_cover_missing_and_unknown(
    proved_logistic: ProvedModel,
) -> None:
    contract = proved_logistic.model.contract
    records = golden_records(contract, seed=42)
    assert records == golden_records(contract, seed=42)
    assert any(record["TotalCharges"] is None for record in records)
    unknown = [
        category.name
        for category in contract.categories
        if any(record[category.name] not in category.vocabulary for record in records)
    ]
    assert len(unknown) >= 10


def test_the_returned_bundle_is_the_written_one(proved_logistic: ProvedModel, tmp_path: Path) -> None:
    written = write_bundle(proved_logistic, "report", tmp_path / "bundle")
    assert load_bundle(tmp_path / "bundle") == written

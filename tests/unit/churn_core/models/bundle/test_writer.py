"""Bundles are written completely or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from churn_core.errors import OutputError
from churn_core.models.bundle.golden_rows import golden_records, golden_records_at_limits
from churn_core.models.bundle.writer import write_bundle
from churn_core.models.export.gate_rows import decode_rows
from churn_core.reports import render_report
from churn_core.scoring.bundle import load_bundle
from churn_core.scoring.money import NOBODY
from churn_core.scoring.predictor import ChurnPredictor

if TYPE_CHECKING:
    import numpy.typing as npt
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


@pytest.mark.parametrize("out", ["bundle/../bundle", "bundle/sub/../../bundle", "bundle/sub/.."])
def test_a_bundle_is_replaced_through_a_path_that_leads_through_it(
    proved_logistic: ProvedModel, tmp_path: Path, out: str
) -> None:
    write_bundle(proved_logistic, "old", tmp_path / "bundle")
    write_bundle(proved_logistic, "new", tmp_path / out)
    assert (tmp_path / "bundle" / "report.html").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


def test_a_folder_with_other_files_is_refused_and_unchanged(
    proved_logistic: ProvedModel, tmp_path: Path
) -> None:
    (tmp_path / "diary.txt").write_text("dear diary")
    with pytest.raises(OutputError, match=r"not part of a model bundle.*--out"):
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


def test_an_interruption_between_the_renames_keeps_the_older_bundle(
    proved_logistic: ProvedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_bundle(proved_logistic, "old", tmp_path / "bundle")
    before = contents(tmp_path / "bundle")
    rename = Path.rename

    def interrupt(path: Path, target: Path) -> Path:
        if path.parent.name.startswith(".churn-") and Path(target) == tmp_path / "bundle":
            raise KeyboardInterrupt
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_bundle(proved_logistic, "new", tmp_path / "bundle")
    assert contents(tmp_path / "bundle") == before
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


def test_golden_rows_conform_to_the_contract_and_cover_missing_and_unknown(
    proved_logistic: ProvedModel,
) -> None:
    contract = proved_logistic.model.contract
    records = golden_records(contract, proved_logistic.model.training_matrix, seed=42)
    assert records == golden_records(contract, proved_logistic.model.training_matrix, seed=42)
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


def test_a_side_that_no_drawn_row_reaches_gets_a_changed_training_row(proved_logistic: ProvedModel) -> None:
    """The score is high only from a charge that one training row has; a drawn charge is always lower."""
    contract, table = proved_logistic.model.contract, proved_logistic.model.training_matrix
    position = [feature.name for feature in contract.features].index("MonthlyCharges")
    rare = table[-1].copy()
    rare[position] = np.float32(table[:, position].max()) + 1

    def score(matrix: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        return np.where(matrix[:, position] >= rare[position], 0.9, 0.1)

    above, below = golden_records_at_limits(contract, np.vstack([table, rare]), score, [0.5], seed=1)

    assert above["MonthlyCharges"] == rare[position]
    assert below["MonthlyCharges"] < rare[position]
    start = decode_rows(rare[None, :], contract).iloc[0].to_dict()
    assert sum(above[name] != start[name] for name in contract.names) > len(contract.names) / 2


def test_a_side_without_training_rows_gets_no_golden_row(proved_logistic: ProvedModel) -> None:
    model = proved_logistic.model
    records = golden_records_at_limits(
        model.contract, model.training_matrix, lambda matrix: np.full(len(matrix), 0.2), [0.1, NOBODY], seed=1
    )
    assert len(records) == 2

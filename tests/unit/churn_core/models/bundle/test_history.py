"""The previous bundle is kept and can be restored."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from churn_core.cli import main
from churn_core.errors import BundleError
from churn_core.models.bundle.history import bring_back, previous_of
from churn_core.models.bundle.writer import write_bundle
from churn_core.scoring.bundle import load_bundle

if TYPE_CHECKING:
    from pathlib import Path

    from churn_core.models.export.prove import ProvedModel


@pytest.fixture
def folder(proved_logistic: ProvedModel, tmp_path: Path) -> Path:
    """A bundle that replaced another one, which was kept."""
    place = tmp_path / "bundle"
    older = replace(proved_logistic, model=proved_logistic.model.at_threshold(0.9))
    write_bundle(older, "<html></html>", place)
    write_bundle(proved_logistic, "<html></html>", place, keep_previous=True)
    return place


def versions(folder: Path) -> tuple[str, str]:
    return load_bundle(folder).model_version, load_bundle(previous_of(folder)).model_version


def test_both_bundles_are_exchanged_and_exchanged_back(folder: Path) -> None:
    there, before = versions(folder)
    assert load_bundle(previous_of(folder)).threshold == 0.9
    assert before != there

    assert bring_back(folder).model_version == before
    assert versions(folder) == (before, there)

    bring_back(folder)
    assert versions(folder) == (there, before)
    assert sorted(path.name for path in folder.parent.iterdir()) == ["bundle", "bundle.previous"]


def test_bundles_are_exchanged_through_a_path_that_leads_through_them(folder: Path) -> None:
    there, before = versions(folder)
    bring_back(folder / ".." / "bundle.previous" / ".." / "bundle")
    assert versions(folder) == (before, there)


def test_only_one_previous_bundle_is_kept(folder: Path, proved_logistic: ProvedModel) -> None:
    there, _ = versions(folder)

    write_bundle(proved_logistic, "<html></html>", folder, keep_previous=True)

    assert versions(folder) == (there, there)


def test_a_previous_bundle_that_does_not_verify_is_not_restored(folder: Path) -> None:
    graph = previous_of(folder) / "model.onnx"
    graph.write_bytes(graph.read_bytes() + b"x")
    there = load_bundle(folder).model_version

    with pytest.raises(BundleError, match="was altered"):
        bring_back(folder)

    assert load_bundle(folder).model_version == there


def test_a_bundle_replaced_without_promote_is_not_kept(
    sample_bundle: Path, proved_logistic: ProvedModel, tmp_path: Path
) -> None:
    place = tmp_path / "bundle"
    shutil.copytree(sample_bundle, place)
    write_bundle(proved_logistic, "<html></html>", place)
    assert not previous_of(place).exists()


def test_the_rollback_command_names_the_restored_model(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, before = versions(folder)

    assert main(["rollback", "--model", str(folder)]) == 0
    assert f"holds {before} again" in capsys.readouterr().out

    shutil.rmtree(previous_of(folder))
    assert main(["rollback", "--model", str(folder)]) == 1
    assert "no previous bundle" in capsys.readouterr().err

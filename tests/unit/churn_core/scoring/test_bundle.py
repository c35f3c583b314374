"""A bundle is used only if it is complete, unaltered and gives its recorded scores."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from typing import TYPE_CHECKING, Any

import pytest

from churn_core.errors import BundleError
from churn_core.scoring import bundle as bundle_module
from churn_core.scoring.bundle import load_bundle, manifest_digest, model_version
from churn_core.scoring.predictor import ChurnPredictor

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def bundle(sample_bundle: Path, tmp_path: Path) -> Path:
    """A copy of the bundle that the test may damage."""
    return shutil.copytree(sample_bundle, tmp_path / "bundle")


def rewrite(bundle: Path, change: Callable[[dict[str, Any]], Any], *, sign: bool = False) -> None:
    """Change the manifest; with `sign`, also write the matching digest, as a forger would."""
    path = bundle / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    change(manifest)
    if sign:
        manifest["model_digest"] = manifest_digest(manifest)
        manifest["model_version"] = model_version(manifest["name"], manifest["model_digest"])
    path.write_text(json.dumps(manifest), encoding="utf-8")


@pytest.mark.parametrize("mixed", [True, False], ids=["files-of-both", "no-folder"])
def test_a_bundle_that_is_replaced_while_it_is_read_is_read_again(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mixed: bool
) -> None:
    """A rollback exchanges two bundles after the manifest was read, or is between its two renames."""
    older = load_bundle(bundle)
    newer = shutil.copytree(bundle, tmp_path / "newer")
    (newer / "report.html").write_text("newer")
    file = {"sha256": hashlib.sha256(b"newer").hexdigest(), "bytes": 5}
    rewrite(newer, lambda m: m.update(name="newer", files=m["files"] | {"report.html": file}), sign=True)
    read, sleep = bundle_module._read_manifest, time.sleep

    def read_then_replace(folder: Path) -> dict[str, Any]:
        manifest = read(folder)
        if manifest["name"] == older.manifest["name"]:
            bundle.rename(tmp_path / "older")
            newer.rename(bundle)
        return manifest

    def replaced(seconds: float) -> None:
        if newer.exists():
            newer.rename(bundle)
        sleep(seconds)

    if mixed:
        monkeypatch.setattr(bundle_module, "_read_manifest", read_then_replace)
    else:
        shutil.rmtree(bundle)
        monkeypatch.setattr(time, "sleep", replaced)
    assert load_bundle(bundle).model_version.startswith("newer-")


def test_a_bundle_loads_with_only_the_files_that_a_lambda_has(bundle: Path) -> None:
    for name in ("portable.onnx", "metrics.json", "report.html"):
        (bundle / name).unlink()
    assert load_bundle(bundle).model_version.startswith("churn-")


def test_the_creation_time_does_not_change_the_digest(bundle: Path) -> None:
    before = load_bundle(bundle)
    rewrite(bundle, lambda manifest: manifest.update(created="2001-01-01T00:00:00+00:00"))
    assert load_bundle(bundle).model_digest == before.model_digest


def test_a_bundle_is_a_sample_if_its_manifest_says_so(bundle: Path) -> None:
    rewrite(bundle, lambda manifest: manifest.update(sample=True), sign=True)
    assert load_bundle(bundle).sample
    rewrite(bundle, lambda manifest: manifest.update(sample=False), sign=True)
    assert not load_bundle(bundle).sample
    rewrite(bundle, lambda manifest: manifest.pop("sample"), sign=True)
    assert not load_bundle(bundle).sample


@pytest.mark.parametrize(
    "key", ["name", "family", "decision", "contract", "metrics", "golden_rows", "profile"]
)
def test_a_changed_manifest_is_refused(bundle: Path, key: str) -> None:
    rewrite(bundle, lambda manifest: manifest.update({key: "something else"}))
    with pytest.raises(BundleError, match=r"manifest\.json .* was altered"):
        load_bundle(bundle)


def test_a_missing_scoring_graph_is_named(bundle: Path) -> None:
    (bundle / "model.onnx").unlink()
    with pytest.raises(BundleError, match=r"model\.onnx is missing"):
        load_bundle(bundle)


def test_a_folder_without_a_model_gives_an_error_that_names_churn_train(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="churn train"):
        load_bundle(tmp_path)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"format": 99}', "not json", '{"format": 1}'])
def test_an_invalid_manifest_is_refused(bundle: Path, content: str) -> None:
    (bundle / "manifest.json").write_text(content)
    with pytest.raises(BundleError):
        load_bundle(bundle)


def test_a_file_outside_the_bundle_is_not_read(bundle: Path) -> None:
    def reach_out(manifest: dict[str, Any]) -> None:
        manifest["files"]["../secret"] = {"sha256": "0" * 64, "bytes": 1}

    rewrite(bundle, reach_out, sign=True)
    with pytest.raises(BundleError, match="outside the bundle"):
        load_bundle(bundle)


def test_a_bundle_with_valid_digests_and_other_scores_is_refused(bundle: Path) -> None:
    def lie(manifest: dict[str, Any]) -> None:
        manifest["golden_rows"][3]["churn_probability"] += 2e-6

    rewrite(bundle, lie, sign=True)
    with pytest.raises(BundleError, match="golden rows"):
        ChurnPredictor.load(bundle)


def test_a_graph_that_does_not_fit_the_contract_is_refused(bundle: Path) -> None:
    def forget_a_feature(manifest: dict[str, Any]) -> None:
        manifest["contract"]["features"].pop()

    rewrite(bundle, forget_a_feature, sign=True)
    with pytest.raises(BundleError, match="does not fit the bundle's data contract"):
        ChurnPredictor.load(bundle)

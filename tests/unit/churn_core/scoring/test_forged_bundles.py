"""Forged bundles: every digest is right, the content is wrong."""

from __future__ import annotations

import hashlib
import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from onnx import helper

from churn_core.errors import BundleError
from churn_core.scoring.bundle import load_bundle, manifest_digest, model_version
from churn_core.scoring.money import NOBODY
from churn_core.scoring.predictor import ChurnPredictor

Change = Callable[[dict[str, Any]], Any]


@pytest.fixture
def bundle(sample_bundle: Path, tmp_path: Path) -> Path:
    return shutil.copytree(sample_bundle, tmp_path / "bundle")


def forge(bundle: Path, change: Change) -> Path:
    path = bundle / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    change(manifest)
    manifest["model_digest"] = manifest_digest(manifest)
    manifest["model_version"] = model_version(manifest["name"], manifest["model_digest"])
    path.write_text(json.dumps(manifest), encoding="utf-8")
    return bundle


def forge_graph(bundle: Path, content: bytes) -> Path:
    (bundle / "model.onnx").write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    return forge(bundle, lambda manifest: manifest["files"]["model.onnx"].update(sha256=digest))


def test_a_rewritten_manifest_with_the_same_content_is_accepted(bundle: Path) -> None:
    assert ChurnPredictor.load(forge(bundle, lambda _: None)).bundle.contract.names


@pytest.mark.parametrize("name", ["model.onnx", "portable.onnx", "metrics.json", "report.html"])
def test_the_error_about_a_changed_byte_names_the_file(bundle: Path, name: str) -> None:
    content = bytearray((bundle / name).read_bytes())
    content[len(content) // 3] ^= 1
    (bundle / name).write_bytes(content)
    with pytest.raises(BundleError, match=f"{name} .* was altered"):
        load_bundle(bundle)


@pytest.mark.parametrize("name", ["..", "../manifest.json", "/etc/hostname", "sub/model.onnx", ".", ""])
def test_a_file_name_that_leaves_the_folder_is_refused(bundle: Path, name: str) -> None:
    with pytest.raises(BundleError, match="outside the bundle"):
        load_bundle(forge(bundle, lambda manifest: manifest["files"].update({name: {"sha256": "0" * 64}})))


def test_a_folder_in_place_of_a_file_is_refused(bundle: Path) -> None:
    (bundle / "report.html").unlink()
    (bundle / "report.html").mkdir()
    with pytest.raises(BundleError, match="can't be read"):
        load_bundle(bundle)


def test_a_bundle_that_lists_no_graph_is_refused(bundle: Path) -> None:
    with pytest.raises(BundleError, match="lacks"):
        load_bundle(forge(bundle, lambda manifest: manifest["files"].pop("model.onnx")))


@pytest.mark.parametrize("key", ["contract", "decision", "files"])
@pytest.mark.parametrize("content", [None, [], {}, "text", 7])
def test_a_manifest_entry_of_the_wrong_type_is_refused(bundle: Path, key: str, content: Any) -> None:
    with pytest.raises(BundleError):
        ChurnPredictor.load(forge(bundle, lambda manifest: manifest.update({key: content})))


@pytest.mark.parametrize(
    ("key", "value"),
    [("delimiter", "\n"), ("delimiter", "§"), ("quote", ""), ("encoding", "hex"), ("encoding", "none")],
)
def test_a_layout_that_no_text_file_has_is_refused(bundle: Path, key: str, value: str) -> None:
    with pytest.raises(BundleError, match=f"reader.{key} must be"):
        load_bundle(forge(bundle, lambda manifest: manifest["contract"]["reader"].update({key: value})))


@pytest.mark.parametrize("content", ["[" * 100_000, '{"format": 1', '"\\ud800"', "\0", "NaN"])
def test_a_manifest_that_is_not_a_json_object_is_refused(bundle: Path, content: str) -> None:
    (bundle / "manifest.json").write_text(content)
    with pytest.raises(BundleError):
        load_bundle(bundle)


def test_a_manifest_that_is_not_utf8_is_refused(bundle: Path) -> None:
    (bundle / "manifest.json").write_bytes(b'{"format": 1, "name": "\xff"}')
    with pytest.raises(BundleError, match="can't be read"):
        load_bundle(bundle)


def swap_decision(golden: dict[str, Any]) -> None:
    golden["will_churn"] = not golden["will_churn"]


def break_the_contract(golden: dict[str, Any]) -> None:
    golden["record"]["tenure"] = -1


GOLDEN_CHANGES = [
    *(lambda golden: golden.update(churn_probability=math.nan), swap_decision, break_the_contract),
    *(lambda golden: golden.pop("record"), lambda golden: golden.update(churn_probability=None)),
    *(lambda golden: golden.update(risk="low" if golden["risk"] == "high" else "high"),),
]


@pytest.mark.parametrize("change", GOLDEN_CHANGES)
def test_golden_rows_must_get_their_recorded_scores(bundle: Path, change: Change) -> None:
    forge(bundle, lambda manifest: change(manifest["golden_rows"][0]))
    with pytest.raises(BundleError, match=r"golden.rows"):
        ChurnPredictor.load(bundle)


def test_a_bundle_without_golden_rows_is_refused(bundle: Path) -> None:
    for change in (
        lambda manifest: manifest.pop("golden_rows"),
        lambda manifest: manifest.update(golden_rows=[]),
    ):
        with pytest.raises(BundleError, match=r"golden.rows"):
            ChurnPredictor.load(forge(bundle, change))


def change_at(place: str, value: Any) -> Change:
    """Return a change of the member at a place such as ``decision.threshold``; `Missing` removes it."""

    def change(manifest: dict[str, Any]) -> None:
        *path, last = [int(part) if part.isdigit() else part for part in place.split(".")]
        for part in path:
            manifest = manifest[part]  # type: ignore[index]
        if value is Missing:
            del manifest[last]  # type: ignore[arg-type]
        else:
            manifest[last] = value  # type: ignore[index]

    return change


class Missing:
    """Stands for a member that is removed."""


@pytest.mark.parametrize("family", ["logistic_regression", "additive", "random_forest", "gradient_boosting"])
def test_golden_rows_lie_on_both_sides_of_the_threshold_and_of_the_risk_bands(
    bundle_of: Callable[[str], Path], family: str
) -> None:
    bundle = load_bundle(bundle_of(family))
    scores = [row["churn_probability"] for row in bundle.manifest["golden_rows"]]
    for limit in (bundle.threshold, *bundle.risk_bands.values()):
        # Scores differ by less than 0.02 from the limit, so a limit that is moved further is noticed.
        assert any(limit <= score < limit + 0.02 for score in scores), limit
        assert any(limit - 0.02 < score < limit for score in scores), limit


@pytest.mark.parametrize("shift", [-0.02, 0.02])
@pytest.mark.parametrize(
    "place", ["decision.threshold", "decision.risk_bands.medium", "decision.risk_bands.high"]
)
def test_a_signed_bundle_with_another_threshold_or_risk_band_is_refused(
    bundle: Path, place: str, shift: float
) -> None:
    value = json.loads((bundle / "manifest.json").read_text())
    for part in place.split("."):
        value = value[part]
    with pytest.raises(BundleError, match=r"golden.rows"):
        ChurnPredictor.load(forge(bundle, change_at(place, value + shift)))


BAD_MEMBERS: list[tuple[str, list[Any]]] = [
    (
        "decision.threshold",
        [math.nan, math.inf, -math.inf, Missing, None, 0, -0.1, 1.0000001, 1.1, 10**400, True, "0.5", [0.5]],
    ),
    ("decision.risk_bands.medium", [math.nan, math.inf, Missing, 0, 1, 0.9, "0.3"]),
    ("decision.risk_bands.high", [math.nan, -math.inf, Missing, 0, 1, 0.1, None]),
    ("decision.risk_bands.extreme", [0.9]),
    ("decision.money", [7, {"value_of_customer": 1}, {"value_of_customer": math.nan}]),
    ("decision.cutoff", [0.5]),
    ("decision.observed_best.threshold", [math.nan]),
    ("contract.features", [Missing, [], {}, None]),
    ("contract.features.0.name", [Missing, None, 7]),
    ("contract.features.0.kind", [Missing, "text", None, ["category"]]),
    ("contract.features.0.default", ["x"]),
    ("contract.features.1.name", ["gender"]),
    ("contract.features.4.minimum", [math.nan, -math.inf, Missing, "0", 1e9, 1e39]),
    ("contract.features.4.integer", ["yes", 1]),
    ("contract.features.4.monotonic", ["sideways"]),
    ("contract.features.0.vocabulary", [Missing, "Female", [1, 2]]),
    ("contract.derived", [Missing, {}, [{}]]),
    ("golden_rows.0.churn_probability", [math.nan, math.inf, -1, 2, "0.5", Missing]),
    ("golden_rows.0.will_churn", [1, "true", None, Missing]),
    ("golden_rows.0.risk", ["extreme", 1]),
    ("golden_rows.0.comment", ["x"]),
    ("files", [None, [], {"model.onnx": 1}, {"model.onnx": {"sha256": "0"}}]),
    ("name", ["", "Churn", "../churn", "a" * 41]),
    ("sample", [1, "true"]),
    ("metrics.holdout.roc_auc", [math.nan]),
    ("metrics", [[]]),
    ("extra", [1]),
]


@pytest.mark.parametrize(
    ("place", "value"), [(place, value) for place, values in BAD_MEMBERS for value in values]
)
def test_an_invalid_member_of_the_manifest_is_refused_by_its_name(
    bundle: Path, place: str, value: Any
) -> None:
    with pytest.raises(BundleError) as refused:
        load_bundle(forge(bundle, change_at(place, value)))
    assert place.split(".")[-1] in str(refused.value)
    assert "manifest.json" in str(refused.value)


def test_a_threshold_for_nobody_is_accepted(bundle: Path) -> None:
    assert load_bundle(forge(bundle, change_at("decision.threshold", NOBODY))).threshold == NOBODY


def test_a_rounding_difference_of_another_processor_is_accepted(bundle: Path) -> None:
    def nudge(manifest: dict[str, Any]) -> None:
        golden = manifest["golden_rows"][0]
        golden["churn_probability"] = round(golden["churn_probability"] + 5e-7, 7)

    ChurnPredictor.load(forge(bundle, nudge))


def test_a_graph_with_custom_operators_is_not_loaded(bundle: Path) -> None:
    model = helper.make_model(
        helper.make_graph([helper.make_node("Run", ["x"], ["y"], domain="com.evil")], "g", [], [])
    )
    with pytest.raises(BundleError, match="custom operators"):
        load_bundle(forge_graph(bundle, model.SerializeToString()))


def test_a_graph_that_onnxruntime_can_not_load_is_a_bundle_error(bundle: Path) -> None:
    model = helper.make_model(
        helper.make_graph([helper.make_node("NoSuchOperator", ["x"], ["y"])], "g", [], [])
    )
    with pytest.raises(BundleError, match="can't be loaded by onnxruntime"):
        ChurnPredictor.load(forge_graph(bundle, model.SerializeToString()))


def test_the_graph_used_for_scoring_has_the_bytes_that_were_hashed(
    bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[str] = []
    read_bytes = Path.read_bytes

    def note(path: Path) -> bytes:
        reads.append(path.name)
        return read_bytes(path)

    monkeypatch.setattr(Path, "read_bytes", note)
    load_bundle(bundle)
    assert reads.count("model.onnx") == 1


def test_a_file_that_cannot_be_read_is_refused(bundle: Path) -> None:
    # A folder takes its place, because file permissions do not apply to root.
    (bundle / "model.onnx").unlink()
    (bundle / "model.onnx").mkdir()
    with pytest.raises(BundleError, match="can't be read"):
        load_bundle(bundle)

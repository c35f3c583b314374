"""Each member of a manifest: what is accepted, and the sentence for what is not."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest

from churn_core.scoring.manifest_checks import MemberError, check_manifest

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def sound(sample_bundle: Path) -> dict[str, Any]:
    """The manifest of a sample bundle, with one derived column."""
    manifest: dict[str, Any] = json.loads((sample_bundle / "manifest.json").read_text(encoding="utf-8"))
    manifest["contract"]["derived"] = [{"name": "x", "kind": "count", "columns": ["tenure"], "edges": []}]
    return manifest


def changed(manifest: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """Return a manifest with another value at a path such as ``contract.features.0.name``."""
    found = copy.deepcopy(manifest)
    *parents, last = (int(name) if name.isdigit() else name for name in path.split("."))
    place: Any = found
    for name in parents:
        place = place[name]
    place[last] = value
    return found


def test_a_sound_manifest_passes(sound: dict[str, Any]) -> None:
    check_manifest(sound)


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        ("contract.features", [], "contract.features must be a list of at least 1"),
        ("contract.features", {}, "contract.features must be a list of at least 1"),
        ("contract.derived", {}, "contract.derived must be a list"),
        ("contract.derived.0.columns", [], "contract.derived[0].columns must be a list of at least 1"),
        ("contract.derived.0.edges", "1", "contract.derived[0].edges must be a list"),
        ("golden_rows", [], "golden_rows must be a list of at least 1"),
        ("decision.threshold", True, "decision.threshold must be a number above 0 and at most 1"),
        ("decision.threshold", 0, "decision.threshold must be a number above 0 and at most 1"),
        ("decision.risk_bands.medium", 0.99, "decision.risk_bands.medium must be below"),
        ("contract.id_type", 7, "contract.id_type must be one of integer, text, None"),
        ("contract.target", None, "contract.target must be"),
        ("model_digest", "x", "model_digest must be"),
        ("name", "Churn", "name must be a name of lower-case letters, digits and hyphens"),
        ("sample", "yes", "sample must be"),
        ("more", 1, "the manifest has an unknown key 'more'"),
        ("contract.more", 1, "contract has an unknown key 'more'"),
        ("k" * 50, 1, f"the manifest has an unknown key '{'k' * 40}'"),
        ("parity", {"worst": [1.0, float("nan")]}, "parity.worst[1] must be a finite number"),
    ],
)
def test_the_first_member_at_fault_is_named_with_what_it_must_be(
    path: str, value: Any, sentence: str, sound: dict[str, Any]
) -> None:
    with pytest.raises(MemberError) as caught:
        check_manifest(changed(sound, path, value))
    found = str(caught.value)
    assert found.startswith(sentence)
    # A list without a least number of members says nothing more.
    assert not sentence.endswith("a list") or found == sentence


@pytest.mark.parametrize("name", ["contract", "decision", "golden_rows", "model_digest"])
def test_a_missing_member_is_named(name: str, sound: dict[str, Any]) -> None:
    with pytest.raises(MemberError, match=f"^{name} is missing$"):
        check_manifest({key: value for key, value in sound.items() if key != name})


@pytest.mark.parametrize("name", ["sample", "created", "parity", "profile"])
def test_a_member_of_later_versions_may_be_missing(name: str, sound: dict[str, Any]) -> None:
    check_manifest({key: value for key, value in sound.items() if key != name})


def test_a_number_needs_a_range_and_a_category_does_not(sound: dict[str, Any]) -> None:
    for position, feature in enumerate(sound["contract"]["features"]):
        if feature["kind"] == "number":
            empty = changed(sound, f"contract.features.{position}.minimum", feature["maximum"])
            with pytest.raises(MemberError, match="must be below its maximum"):
                check_manifest(empty)
            return
    raise AssertionError("no number in the sample's contract")


def test_a_column_named_twice_is_refused(sound: dict[str, Any]) -> None:
    features = sound["contract"]["features"]
    with pytest.raises(MemberError, match="names a column twice"):
        check_manifest(changed(sound, "contract.features", [*features, features[0]]))

"""CHANGELOG.md names the version that the package has."""

from __future__ import annotations

import re
from pathlib import Path

import churn_core

TEXT = (Path(__file__).resolve().parents[2] / "CHANGELOG.md").read_text(encoding="utf-8")
KINDS = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_it_has_unreleased_changes_and_the_current_version() -> None:
    versions = re.findall(r"^## \[(.+?)\]", TEXT, re.M)
    assert versions[0] == "Unreleased"
    assert versions[1] == churn_core.__version__


def test_its_headings_are_those_of_the_format() -> None:
    assert set(re.findall(r"^### (.+)$", TEXT, re.M)) <= KINDS

"""A manifest with dates that can't be read is refused with the member at fault."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from churn_core.scoring.day_numbers import MOST_DAYS
from churn_core.scoring.manifest_checks import MemberError, check_manifest

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def manifest(sample_bundle: Path) -> dict[str, Any]:
    """A manifest whose tenure is computed from dates."""
    content: dict[str, Any] = json.loads((sample_bundle / "manifest.json").read_text())
    content["contract"]["features"] = [
        feature
        | (
            {
                "minimum": -MOST_DAYS,
                "maximum": MOST_DAYS,
                "days": {"start": "signup", "end": "2024-01-31", "end_is_day": True},
            }
            if feature["name"] == "tenure"
            else {}
        )
        for feature in content["contract"]["features"]
    ]
    return content


def test_days_between_dates_are_accepted(manifest: dict[str, Any]) -> None:
    manifest["contract"]["reader"]["date_formats"] = {"signup": "DD.MM.YYYY"}
    check_manifest(manifest)


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"days": {"start": "signup", "end": "2024-02-30", "end_is_day": True}}, "days.end"),
        ({"days": {"start": "signup", "end": "today", "end_is_day": True}}, "days.end"),
        ({"days": {"start": "Contract", "end": "today", "end_is_day": False}}, "days names a column"),
        ({"days": {"start": "signup"}}, "days.end is missing"),
        ({"maximum": 100}, "every number of days"),
        ({"minimum": 0}, "every number of days"),
    ],
)
def test_days_that_can_not_be_computed_are_refused(
    manifest: dict[str, Any], change: dict[str, Any], place: str
) -> None:
    (tenure,) = (f for f in manifest["contract"]["features"] if f["name"] == "tenure")
    tenure.update(change)
    with pytest.raises(MemberError, match=place):
        check_manifest(manifest)


@pytest.mark.parametrize("date_format", ["", "DD.MM.YY", "(YYYY)MM.DD", "YYYY-MM-DD'; DROP TABLE x"])
def test_formats_that_are_none_are_refused(manifest: dict[str, Any], date_format: str) -> None:
    manifest["contract"]["reader"]["date_formats"] = {"signup": date_format}
    with pytest.raises(MemberError, match="date_formats: 'signup'"):
        check_manifest(manifest)

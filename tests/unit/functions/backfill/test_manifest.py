"""The manifest adds up the parts of a run."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from churn_core.scoring.drift.counts_text import drift_counts_text
from functions.backfill.errors import IncompleteRunError, UnbalancedRunError
from functions.backfill.manifest import build_manifest
from functions.backfill.results import NotScoredPart, OpenPart, Part, ScoredPart
from tests.mirror_model import mirror
from tests.unit.churn_core.scoring.drift.test_report import CONTRACT, PROFILE, bundle_with, count, written
from tests.unit.functions.backfill.batch_parts import plan_of

if TYPE_CHECKING:
    from churn_core.scoring.bundle import Bundle

PLAN = plan_of(4)
ROWS = 1_000
TRAINED = {"training": 1_000, "holdout": 1_000}
COUNTS = drift_counts_text(count())


@pytest.fixture
def bundle() -> Bundle:
    """A bundle with a training profile."""
    return bundle_with(written())


def scored(
    position: int, rejects: dict[str, int] | None = None, counts: str | None = COUNTS, rows: int = ROWS
) -> ScoredPart:
    """Return a part of 1,000 scored rows; `rejects` are rejected further rows."""
    rejected = sum((rejects or {}).values())
    entries = {"churn.rejects": json.dumps(rejects or {})}
    if counts is not None:
        entries["churn.drift_counts"] = counts
    source = PLAN.parts[position]
    return ScoredPart(source, f"scored/{position}", rows + rejected, rows, rejected, entries)


def test_rows_rejects_and_drift_are_those_of_all_scored_parts(bundle: Bundle) -> None:
    parts: list[Part] = [
        scored(0, {"missing": 2}),
        NotScoredPart(PLAN.parts[1], "schema", "quarantine/1"),
        scored(2, {"missing": 1, "out_of_range": 4}),
        NotScoredPart(PLAN.parts[3], "gone", None),
    ]
    found = build_manifest(PLAN, parts, bundle)
    assert found["parts"] == {
        "total": 4,
        "scored": 2,
        "not_scored": 2,
        "not_scored_by_code": {"gone": 1, "schema": 1},
    }
    assert (found["rows"], found["scored"], found["rejected"]) == (2_007, 2_000, 7)
    assert found["rejects"] == {"missing": 3, "out_of_range": 4}
    assert found["drift"]["of_parts"] == 2
    assert found["drift"]["rows"] == TRAINED | {"scored": 2_000, "rejected": 7}
    assert [part["output"] for part in found["outputs"]] == ["scored/0", "scored/2"]
    assert [part["record"] for part in found["not_scored"]] == ["quarantine/1", None]


def test_outputs_of_older_versions_are_left_out_of_the_drift(bundle: Bundle) -> None:
    found = build_manifest(PLAN, [scored(0, {"missing": 2}, counts=None), scored(1)], bundle)
    assert found["drift"]["of_parts"] == 1
    assert found["drift"]["rows"] == TRAINED | {"scored": 1_000, "rejected": 0}
    assert (found["scored"], found["rejected"]) == (2_000, 2)


def test_a_model_without_a_profile_gives_no_drift() -> None:
    bundle = replace(mirror(CONTRACT).bundle, manifest={})
    assert build_manifest(PLAN, [scored(0)], bundle)["drift"] is None


def test_drift_counts_of_another_number_of_rows_are_refused(bundle: Bundle) -> None:
    with pytest.raises(UnbalancedRunError, match=r"scored/0 cover 1000 rows, but 999 were scored"):
        build_manifest(PLAN, [scored(0, rows=999)], bundle)


@pytest.mark.parametrize("counts", ["", "[]", "{}", COUNTS[:-1]])
def test_drift_counts_that_can_not_be_read_are_refused(counts: str, bundle: Bundle) -> None:
    with pytest.raises(UnbalancedRunError, match=r"scored/0 can't be read"):
        build_manifest(PLAN, [scored(0, counts=counts)], bundle)


def test_rejects_that_do_not_add_up_are_refused(bundle: Bundle) -> None:
    part = scored(0, {"missing": 2})
    for rejects in ('{"missing": 1}', "{}", "[]", '{"missing": "2"}', "x"):
        changed = replace(part, entries=part.entries | {"churn.rejects": rejects})
        with pytest.raises(UnbalancedRunError, match="do not add up"):
            build_manifest(PLAN, [changed], bundle)
    with pytest.raises(UnbalancedRunError, match="do not add up"):
        build_manifest(PLAN, [replace(part, entries={})], bundle)


def test_a_run_with_an_open_part_has_no_manifest(bundle: Bundle) -> None:
    with pytest.raises(IncompleteRunError, match="1 of 2 parts"):
        build_manifest(PLAN, [scored(0), OpenPart(PLAN.parts[1])], bundle)


def test_the_profile_fits_the_rows_of_the_parts() -> None:
    assert PROFILE.rows == ROWS == int(np.sum(count().intervals))

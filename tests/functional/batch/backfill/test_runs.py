"""Backfill runs: every row is scored once, and one manifest is written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from churn_core.scoring.files.drift_pass import measure_drift
from churn_core.scoring.predictor import ChurnPredictor
from tests.functional.batch.backfill.parts import GARBAGE, parquet, renamed, truncated, without_column
from tests.functional.batch.backfill.run_stack import BATCH, PREFIX, RunStack
from tests.functional.batch.batch_stack import INPUT, message

if TYPE_CHECKING:
    from collections.abc import Callable

    from churn_core.scoring.bundle import Bundle


# Waiting ends when nothing changes (tests/waiting.py); the suite's own limit is too short for busy machines.
pytestmark = pytest.mark.timeout(1_800)


def test_fifty_parts_of_which_three_are_bad(runs: RunStack, bundle: Bundle, golden_table: pa.Table) -> None:
    identifier = bundle.contract.id_column
    assert identifier is not None
    tables = [renamed(golden_table.slice(0, 1 + number % 16), number, identifier) for number in range(50)]
    bodies = [parquet(table) for table in tables]
    bad = {7: GARBAGE, 20: truncated(parquet(golden_table)), 49: without_column(golden_table, "tenure")}
    puts = runs.put(*(bad.get(number, body) for number, body in enumerate(bodies)))

    first = runs.run(concurrency=4)

    manifest = runs.manifest(first)
    good = [number for number in range(50) if number not in bad]
    rows = sum(tables[number].num_rows for number in good)
    assert manifest["parts"] == {
        "total": 50,
        "scored": 47,
        "not_scored": 3,
        "not_scored_by_code": {"corrupt": 1, "not-parquet": 1, "schema": 1},
    }
    assert (manifest["rows"], manifest["scored"] + manifest["rejected"]) == (rows, rows)
    assert {part["key"]: part["code"] for part in manifest["not_scored"]} == {
        puts[7].key: "not-parquet",
        puts[20].key: "corrupt",
        puts[49].key: "schema",
    }
    assert all(runs.object(part["record"]) for part in manifest["not_scored"])
    assert [part["key"] for part in manifest["outputs"]] == [puts[number].key for number in good]
    for number, part in zip(good, manifest["outputs"], strict=True):
        scored = pq.read_table(pa.BufferReader(runs.object(part["output"])))
        assert scored[identifier].to_pylist() == tables[number][identifier].to_pylist()
        golden = bundle.manifest["golden_rows"][: scored.num_rows]
        assert scored["churn_probability"].to_pylist() == [row["churn_probability"] for row in golden]

    before, calls = runs.listing(), len(runs.scored_parts())
    second = runs.run("run-2")
    assert runs.listing() == before
    assert (second, len(runs.scored_parts())) == (first, calls)
    assert all(len(versions) == 1 for versions in before.values())


def test_the_drift_of_a_run_equals_that_of_one_file_with_all_rows(
    runs: RunStack, bundle: Bundle, golden_table: pa.Table, sample_bundle: Path, tmp_path: Path
) -> None:
    strange = golden_table.set_column(
        golden_table.column_names.index("tenure"), "tenure", pa.array([-1] * 3 + [60] * 13)
    )
    tables = [golden_table, strange, golden_table.slice(3, 9)]
    runs.put(*map(parquet, tables))

    manifest = runs.manifest(runs.run())

    whole = tmp_path / "whole.parquet"
    pq.write_table(pa.concat_tables(tables), whole)
    report = measure_drift(whole, ChurnPredictor.load(sample_bundle)).report
    assert manifest["drift"] == {"of_parts": 3, **report.to_dict()}
    assert manifest["rejects"] == {"out_of_range": 3}
    assert (manifest["scored"], manifest["rejected"]) == (38, 3)


def test_parts_that_the_queue_scored_are_not_scored_again(runs: RunStack, customers: bytes) -> None:
    dropped = runs.batch.drop(customers, "incoming/a.parquet")
    runs.batch.put(customers, "incoming/b.parquet")
    before = runs.listing()

    manifest = runs.manifest(runs.run(prefix="incoming/"))

    assert (manifest["parts"]["scored"], manifest["rows"]) == (2, 32)
    after = runs.listing()
    assert {key: after[key] for key in before} == before
    assert manifest["outputs"][0]["output"] == runs.batch.output_key(dropped)
    # The queue finds the scores of the run, too.
    assert runs.batch.deliver(message(dropped.event())) == []
    assert runs.listing() == after


def test_g2_a_backfill_of_incoming_scores_the_files_whose_events_were_lost(
    runs: RunStack, customers: bytes
) -> None:
    runs.batch.drop(customers, "incoming/delivered.parquet")
    runs.batch.put(customers, "incoming/lost.parquet")
    runs.batch.put(GARBAGE, "incoming/2026/lost-too.parquet")

    manifest = runs.manifest(runs.run(prefix="incoming/"))

    assert manifest["parts"] == {
        "total": 3,
        "scored": 2,
        "not_scored": 1,
        "not_scored_by_code": {"not-parquet": 1},
    }
    assert {part["key"] for part in manifest["outputs"]} == {
        "incoming/delivered.parquet",
        "incoming/lost.parquet",
    }


def test_two_simultaneous_executions_write_the_same_as_one(runs: RunStack, customers: bytes) -> None:
    runs.put(customers, GARBAGE, customers)
    first, second = runs.start("run-1"), runs.start("run-2")
    outputs = [runs.ended(arn)["output"] for arn in (first, second)]
    assert outputs[0] == outputs[1]
    assert len(runs.listing()) == 5
    assert all(len(versions) == 1 for versions in runs.listing().values())


def test_the_same_execution_can_not_start_twice(runs: RunStack, customers: bytes) -> None:
    runs.put(customers)
    assert runs.start("run-1") == runs.start("run-1")
    runs.ended(runs.start("run-1"))
    assert runs.scored_parts() == [f"{PREFIX}part-0000.parquet"]


def at_first_part(change: Callable[[], Any]) -> Callable[[str, Any], None]:
    """Return a hook that makes a change once, before the first part is scored."""
    made: list[Any] = []

    def before_call(function: str, event: Any) -> None:
        if function == BATCH and not made:
            made.append(True)
            change()

    return before_call


def test_a_part_that_is_replaced_during_the_run_is_scored_in_its_planned_version(
    runs: RunStack, customers: bytes
) -> None:
    first, second = runs.put(customers, customers)
    runs.before_call = at_first_part(lambda: runs.batch.put(GARBAGE, second.key))

    manifest = runs.manifest(runs.run())

    assert [part["version_id"] for part in manifest["outputs"]] == [first.version, second.version]
    # Another listing is another run; it reuses the outputs of the unchanged parts.
    next_manifest = runs.manifest(runs.run("run-2"))
    assert next_manifest["run_id"] != manifest["run_id"]
    assert next_manifest["outputs"] == manifest["outputs"][:1]
    assert [part["code"] for part in next_manifest["not_scored"]] == ["not-parquet"]


def without_versions(runs: RunStack) -> None:
    runs.batch.s3.put_bucket_versioning(Bucket=INPUT, VersioningConfiguration={"Status": "Suspended"})


def test_a_part_that_is_replaced_in_a_bucket_without_versions_is_named(
    runs: RunStack, customers: bytes, golden_table: pa.Table
) -> None:
    without_versions(runs)
    first, second = runs.put(customers, customers)
    other = parquet(golden_table.slice(0, 5))
    runs.before_call = at_first_part(lambda: runs.batch.put(other, second.key))

    manifest = runs.manifest(runs.run())

    assert [part["etag"] for part in manifest["outputs"]] == [first.etag.strip('"')]
    (lost,) = manifest["not_scored"]
    assert (lost["key"], lost["code"], lost["record"]) == (second.key, "superseded", None)
    assert runs.manifest(runs.run("run-2"))["rows"] == 21


@pytest.mark.parametrize("versions", [True, False])
def test_a_part_that_is_deleted_during_the_run_is_named(
    runs: RunStack, customers: bytes, versions: bool
) -> None:
    if not versions:
        without_versions(runs)
    _, second = runs.put(customers, customers)
    which = {"VersionId": second.version} if versions else {}
    runs.before_call = at_first_part(
        lambda: runs.batch.s3.delete_object(Bucket=INPUT, Key=second.key, **which)
    )

    manifest = runs.manifest(runs.run())

    (lost,) = manifest["not_scored"]
    assert (lost["key"], lost["code"]) == (second.key, "gone")
    assert json.loads(runs.object(lost["record"]))["code"] == "gone"
    assert manifest["parts"]["scored"] == 1


def test_objects_that_are_not_parts_are_left_out(runs: RunStack, customers: bytes) -> None:
    (part,) = runs.put(customers)
    for key in ("_SUCCESS", "part-0.crc", "sub/"):
        runs.batch.put(b"", PREFIX + key)
    deleted = runs.batch.put(customers, f"{PREFIX}deleted.parquet")
    runs.batch.s3.delete_object(Bucket=INPUT, Key=deleted.key)
    assert [part["key"] for part in runs.manifest(runs.run())["outputs"]] == [part.key]

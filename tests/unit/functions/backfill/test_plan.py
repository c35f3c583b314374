"""A run's id is computed from its parts and its model."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from functions.backfill.errors import BadRequestError, UnknownRunError
from functions.backfill.plan import Plan, check_request
from tests.unit.functions.backfill.batch_parts import plan_of

PLAN = plan_of(3)


def test_the_same_parts_and_model_are_the_same_run() -> None:
    assert plan_of(3).run_id == PLAN.run_id
    assert plan_of(3).content == PLAN.content


@pytest.mark.parametrize(
    "other",
    [
        plan_of(2),
        plan_of(3, change="w{}".format),
        plan_of(3, size=101),
        replace(PLAN, model_digest="e" * 64),
        replace(PLAN, prefix="backfill/p"),
        replace(PLAN, bucket="bucket2"),
    ],
    ids=[
        "a part less",
        "another version",
        "another size",
        "another model",
        "another prefix",
        "another bucket",
    ],
)
def test_any_other_part_model_or_place_is_another_run(other: Plan) -> None:
    assert other.run_id != PLAN.run_id


def test_the_plan_is_an_array_with_one_part_per_line() -> None:
    assert json.loads(PLAN.content)[1] == {
        "bucket": "bucket",
        "key": "backfill/part-0001.parquet",
        "version_id": "v1",
        "etag": "e",
        "size": 100,
    }
    assert len(PLAN.content.splitlines()) == 5


def test_a_stored_plan_is_compared_with_the_run_id() -> None:
    place = ("bucket", "backfill/", "d" * 64)
    assert Plan.parse(PLAN.content, PLAN.run_id, *place) == PLAN
    for content in (plan_of(2).content, b"", b"{}", b"[1]", b'[{"bucket": "b"}]'):
        with pytest.raises(UnknownRunError):
            Plan.parse(content, PLAN.run_id, *place)
    with pytest.raises(UnknownRunError, match="another prefix or model"):
        Plan.parse(PLAN.content, PLAN.run_id, "bucket", "backfill/", "e" * 64)


@pytest.mark.parametrize("prefix", ["incoming/", "backfill/2026-11/", "backfill/part"])
def test_a_prefix_begins_with_one_of_two_input_prefixes(prefix: str) -> None:
    assert check_request({"prefix": prefix}, "bucket") == ("bucket", prefix)


def test_the_example_event_is_a_valid_request() -> None:
    path = Path(__file__).resolve().parents[4] / "events" / "backfill" / "plan.json"
    event = json.loads(path.read_text(encoding="utf-8"))
    assert check_request(event["run"], event["run"]["bucket"])[1] == "backfill/2026-11/"


@pytest.mark.parametrize(
    "request_",
    [{}, {"prefix": None}, {"prefix": ""}, {"prefix": "scored/"}, {"prefix": "backfill"}, {"prefix": 3}],
)
def test_other_prefixes_are_refused(request_: dict[str, object]) -> None:
    with pytest.raises(BadRequestError, match="begins with incoming/ or backfill/"):
        check_request(request_, "bucket")


def test_another_bucket_is_refused() -> None:
    with pytest.raises(BadRequestError, match="upload the parts to bucket"):
        check_request({"bucket": "other", "prefix": "backfill/"}, "bucket")

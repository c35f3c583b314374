"""moto runs the template's state machine with functions of this process."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import moto.core.config
import pytest
from moto.awslambda.models import LambdaBackend

from infra.local.aws.local_cloud import LocalCloud
from infra.local.aws.local_runs import LocalRuns
from infra.local.aws.remote_function import FunctionError
from infra.local.template_settings import TemplateSettings

if TYPE_CHECKING:
    from collections.abc import Callable

TEMPLATE = TemplateSettings()
PARTS = [{"key": "backfill/a.parquet"}, {"key": "backfill/b.parquet"}]
RUN = {"finished": False, "concurrency": 2, "tolerated_failure_percentage": 0.0, "model_digest": "d"}


def ended(cloud: LocalCloud, name: str = "one") -> dict[str, Any]:
    states = cloud.client("stepfunctions")
    (machine,) = states.list_state_machines()["stateMachines"]
    assert machine["name"] == "churn-local-backfill"
    started = states.start_execution(
        stateMachineArn=machine["stateMachineArn"], name=name, input='{"prefix": "backfill/"}'
    )
    while (execution := states.describe_execution(executionArn=started["executionArn"]))[
        "status"
    ] == "RUNNING":
        time.sleep(0.05)
    return dict(execution)


def planner(cloud: LocalCloud) -> Callable[[dict[str, Any]], Any]:
    def step(event: dict[str, Any]) -> Any:
        if event["step"] == "finish":
            return {"finished": event["run"]}
        assert event["run"] == {"prefix": "backfill/"}
        cloud.client("s3").put_object(Bucket=cloud.output_bucket, Key="plan", Body=json.dumps(PARTS))
        return RUN | {"output_bucket": cloud.output_bucket, "plan_key": "plan"}

    return step


def test_each_part_is_one_call_between_plan_and_finish() -> None:
    items: list[Any] = []

    def score_part(event: Any) -> dict[str, Any]:
        items.append(event)
        return {}

    with LocalCloud(TEMPLATE) as cloud:
        invoke = {
            "BatchFunction": score_part,
            "BackfillFunction": planner(cloud),
        }
        with LocalRuns(cloud, TEMPLATE, invoke):
            execution = ended(cloud)
    assert execution["status"] == "SUCCEEDED", execution
    assert json.loads(execution["output"])["finished"]["plan_key"] == "plan"
    expected = [{"backfill": {"part": part, "model_digest": "d", "attempt": 1}} for part in PARTS]
    assert sorted(items, key=str) == sorted(expected, key=str)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ('{"errorType": "EmptyPrefixError", "errorMessage": "Nothing."}\nthe log', "EmptyPrefixError"),
        ('{"errorType": "BadRequestError", "errorMessage": "No."}', "BadRequestError"),
    ],
)
def test_errors_keep_their_type_for_the_state_machine(text: str, error: str) -> None:
    def fail(_: Any) -> None:
        raise FunctionError(text)

    with (
        LocalCloud(TEMPLATE) as cloud,
        LocalRuns(cloud, TEMPLATE, {"BackfillFunction": fail, "BatchFunction": fail}),
    ):
        execution = ended(cloud)
    assert (execution["status"], execution["error"]) == ("FAILED", error)
    assert "the log" not in execution["cause"]


def test_the_end_of_an_environment_is_retried() -> None:
    calls: list[Any] = []

    def die_once(event: dict[str, Any]) -> Any:
        calls.append(event)
        if len(calls) == 1:
            raise FunctionError("Task timed out after 900.00 seconds")
        return RUN | {"finished": True}

    with (
        LocalCloud(TEMPLATE) as cloud,
        LocalRuns(cloud, TEMPLATE, {"BackfillFunction": die_once, "BatchFunction": print}),
    ):
        assert ended(cloud)["status"] == "SUCCEEDED"
    assert [event["step"] for event in calls] == ["plan", "plan", "finish"]


def test_moto_is_the_same_afterwards() -> None:
    def state() -> tuple[Any, Any]:
        settings = moto.core.config.default_user_config["stepfunctions"]
        return LambdaBackend.invoke, settings["execute_state_machine"]

    before = state()
    with (
        LocalCloud(TEMPLATE) as cloud,
        LocalRuns(cloud, TEMPLATE, {"BackfillFunction": print, "BatchFunction": print}),
    ):
        assert state() != before
    assert state() == before

"""The state machine for backfills: its definition, and how the template deploys it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from functions.backfill import errors
from functions.backfill.settings import DEFAULT_CONCURRENCY
from functions.batch import map_item
from functions.shared.objects import INPUT_PREFIXES
from functions.shared.outcomes import FATAL_DELIVERY
from functions.shared.storage import EVENT_SOURCE
from tests.infra.template_reader import REPOSITORY, Resources, as_list, policy_statements

if TYPE_CHECKING:
    from collections.abc import Iterator

DEFINITION: Final = REPOSITORY / "infra" / "state_machine" / "backfill.asl.json"
MACHINE: Final[dict[str, Any]] = json.loads(DEFINITION.read_text(encoding="utf-8"))
STATES: Final[dict[str, Any]] = MACHINE["States"]
ITEM_STATES: Final[dict[str, Any]] = STATES["ScoreParts"]["ItemProcessor"]["States"]
TASKS: Final = {name: state for name, state in (STATES | ITEM_STATES).items() if state["Type"] == "Task"}


def retriers(state: dict[str, Any], error: str) -> Iterator[dict[str, Any]]:
    """Yield the retriers that match an error; Step Functions uses the first."""
    for retrier in state["Retry"]:
        if error in retrier["ErrorEquals"] or "States.ALL" in retrier["ErrorEquals"]:
            yield retrier


def problems(machine: dict[str, Any], folder: Path) -> set[str]:
    """Return the problems that statelint finds."""
    path = folder / "machine.json"
    path.write_text(json.dumps(machine), encoding="utf-8")
    command = [sys.executable, "-m", "statelint", str(path)]
    lines = subprocess.run(command, capture_output=True, text=True, check=False).stdout.splitlines()
    # The field exists on AWS, but not in the language's specification, by which statelint judges.
    aws_alone = 'Field "InputType" not allowed in State Machine.States.ScoreParts.ItemReader.ReaderConfig'
    return {line.strip() for line in lines if "error" not in line} - {aws_alone}


def test_statelint_accepts_the_state_machine(tmp_path: Path) -> None:
    assert problems(MACHINE, tmp_path) == set()
    assert problems(MACHINE | {"StartAt": "Nowhere"}, tmp_path)


def test_errors_that_a_retry_can_not_fix_are_not_retried() -> None:
    known = {error.__name__ for error in errors.BackfillError.__subclasses__()} - {"RetryLaterError"}
    named = set()
    for name in ("Plan", "Finish"):
        assert (STATES[name]["Retry"][0]["MaxAttempts"], STATES[name].get("Catch")) == (0, None)
        named |= set(STATES[name]["Retry"][0]["ErrorEquals"])
    assert named == known
    for name in ("Score", "SettleSuspect"):
        for error in (map_item.ModelChangedError, map_item.BadItemError):
            assert next(retriers(TASKS[name], error.__name__))["MaxAttempts"] == 0


@pytest.mark.parametrize("name", TASKS)
@pytest.mark.parametrize(
    "error",
    [
        "PartRetryError",
        "RetryLaterError",
        "Runtime.ExitError",
        "Sandbox.Timedout",
        "Lambda.TooManyRequestsException",
        "Lambda.ServiceException",
        "States.Timeout",
    ],
)
def test_other_errors_are_retried_with_backoff_and_jitter(name: str, error: str) -> None:
    met = next(retriers(TASKS[name], error))
    assert met["MaxAttempts"] >= 5
    assert met["BackoffRate"] > 1
    assert met["JitterStrategy"] == "FULL"


@pytest.mark.parametrize("name", TASKS)
def test_throttled_calls_are_retried_for_a_long_time(name: str) -> None:
    assert next(retriers(TASKS[name], "Lambda.TooManyRequestsException"))["MaxAttempts"] == 30


def test_reading_the_plan_is_retried() -> None:
    assert next(retriers(STATES["ScoreParts"], "States.ItemReaderFailed"))["MaxAttempts"] == 5


def test_backfills_are_planned_for_the_model_of_the_batch_function_s_alias(resources: Resources) -> None:
    assert resources["BackfillFunction"]["DependsOn"] == "BatchFunctionAliaslive"


def test_a_suspect_part_is_settled_at_its_last_attempt() -> None:
    name = map_item.SuspectPartError.__name__
    assert next(retriers(ITEM_STATES["Score"], name))["MaxAttempts"] == FATAL_DELIVERY - 2
    (catch,) = ITEM_STATES["Score"]["Catch"]
    assert (catch["ErrorEquals"], catch["Next"]) == ([name], "SettleSuspect")
    attempts = [ITEM_STATES[n]["Parameters"]["Payload"]["backfill"]["attempt"] for n in ITEM_STATES]
    assert attempts == [1, FATAL_DELIVERY]


def test_each_part_is_an_item_of_a_distributed_map_with_limits() -> None:
    parts = STATES["ScoreParts"]
    assert parts["ItemProcessor"]["ProcessorConfig"] == {
        "Mode": "DISTRIBUTED",
        "ExecutionType": "STANDARD",
    }
    assert "ItemBatcher" not in parts
    assert parts["MaxConcurrencyPath"] == "$.concurrency"
    assert parts["ToleratedFailurePercentagePath"] == "$.tolerated_failure_percentage"
    # The answers of ten thousand parts are too long for a state's output.
    assert parts["ResultPath"] is None
    assert {state["OutputPath"] for state in ITEM_STATES.values()} == {None}


def test_tasks_have_longer_timeouts_than_their_functions(resources: Resources) -> None:
    for state in TASKS.values():
        placeholder = state["Parameters"]["FunctionName"]
        function = placeholder.removeprefix("${").removesuffix("Arn}")
        assert state["TimeoutSeconds"] > resources[function]["Properties"]["Timeout"]


def test_the_template_fills_in_every_name(resources: Resources) -> None:
    machine = resources["BackfillMachine"]["Properties"]
    placeholders = set(re.findall(r"\$\{(\w+)\}", DEFINITION.read_text(encoding="utf-8")))
    assert set(machine["DefinitionSubstitutions"]) == placeholders
    assert machine["StateMachineName"] == {"Fn::Sub": "${AWS::StackName}-backfill"}
    assert machine["StateMachineType"] == "STANDARD"
    assert machine["LoggingConfiguration"]["IncludeExecutionData"] is False


def rights(resources: Resources, role: str) -> set[tuple[str, str]]:
    found = set()
    for statement in policy_statements(resources, role):
        for resource in as_list(statement["Resource"]):
            place = resource if isinstance(resource, str) else str(next(iter(resource.values())))
            found |= {(action, place) for action in as_list(statement["Action"])}
    return found


BUCKET: Final = "arn:${AWS::Partition}:s3:::${AWS::StackName}-%s-${AWS::AccountId}-${AWS::Region}"
NO_NARROWER: Final = ("xray:", "logs:")


def test_the_backfill_function_reads_data_and_writes_only_under_its_own_prefix(
    resources: Resources,
) -> None:
    inputs, outputs = BUCKET % "input", BUCKET % "output"
    found = {right for right in rights(resources, "BackfillRole") if not right[0].startswith(NO_NARROWER)}
    assert found == (
        {
            (f"s3:{action}", f"{inputs}/{prefix}*")
            for action in ("GetObject", "GetObjectVersion")
            for prefix in INPUT_PREFIXES
        }
        | {("s3:ListBucketVersions", inputs), ("s3:ListBucket", inputs), ("s3:ListBucket", outputs)}
        | {("s3:GetObject", f"{outputs}/{prefix}/*") for prefix in ("scored", "quarantine", "backfill")}
        | {("s3:PutObject", f"{outputs}/backfill/*")}
        | {
            (
                "events:PutEvents",
                "arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:event-bus/default",
            )
        }
    )
    for statement in policy_statements(resources, "BackfillRole"):
        if any(action.startswith("s3:List") for action in as_list(statement["Action"])):
            assert statement["Condition"]
        if statement["Action"] == "events:PutEvents":
            assert statement["Condition"] == {"StringEquals": {"events:source": EVENT_SOURCE}}


def test_the_machine_calls_both_functions_and_itself_and_reads_plans(resources: Resources) -> None:
    machine = "arn:${AWS::Partition}:states:${AWS::Region}:${AWS::AccountId}:%s:${AWS::StackName}-backfill"
    executions = {f"{machine % 'execution'}{end}" for end in (":*", "/*")}
    found = {
        right for right in rights(resources, "BackfillMachineRole") if not right[0].startswith(NO_NARROWER)
    }
    assert found == (
        # It calls the batch function by its alias, as the queue does.
        {
            ("lambda:InvokeFunction", place)
            for place in ("BatchFunctionAliaslive", "['BackfillFunction', 'Arn']")
        }
        | {("s3:GetObject", f"{BUCKET % 'output'}/backfill/*/plan.json")}
        | {("states:StartExecution", f"{machine % 'stateMachine'}{end}") for end in ("", "/*")}
        | {
            (f"states:{action}Execution", place)
            for action in ("Describe", "Stop", "Redrive")
            for place in executions
        }
    )


def test_concurrency_is_the_template_s(template: dict[str, Any], resources: Resources) -> None:
    variables = resources["BackfillFunction"]["Properties"]["Environment"]["Variables"]
    assert variables["CHURN_BACKFILL_CONCURRENCY"] == {"Ref": "BackfillConcurrency"}
    assert variables["CHURN_BATCH_MEMORY_MB"] == {"Ref": "BatchMemoryMb"}
    assert template["Parameters"]["BackfillConcurrency"]["Default"] == DEFAULT_CONCURRENCY


def test_a_failed_backfill_raises_an_alarm(resources: Resources) -> None:
    alarm = resources["BackfillFailedAlarm"]["Properties"]
    assert (alarm["Namespace"], alarm["MetricName"]) == ("AWS/States", "ExecutionsFailed")
    assert alarm["Dimensions"] == [{"Name": "StateMachineArn", "Value": {"Ref": "BackfillMachine"}}]
    assert (alarm["Statistic"], alarm["Threshold"]) == ("Sum", 0)

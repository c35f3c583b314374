"""infra/retraining.yaml is off by default, has few permissions, and runs commands that exist."""

from __future__ import annotations

import inspect
import re
import shlex
from fnmatch import fnmatchcase
from typing import Any, Final

import pytest
import yaml

from tests.infra.deployed_stack import STACK, DeployedStack
from tests.infra.project.project_commands import churn_options, make_targets
from tests.infra.template import checks_events
from tests.infra.template.checks_alarms import find_alarm
from tests.infra.template_reader import REPOSITORY, SAM_BIN, as_list, policy_statements, run

TEMPLATE: Final = REPOSITORY / "infra" / "retraining.yaml"
EVENT_CHECKS: Final = {
    name: check
    for name, check in inspect.getmembers(checks_events, inspect.isfunction)
    if name[:6] == "check_"
}
BUILDSPEC: Final = REPOSITORY / "infra" / "retraining.buildspec.yaml"


class ShortForms(yaml.SafeLoader):
    """Reads short forms such as ``!Ref x`` as ``{"Ref": "x"}``."""


def _read_short_form(loader: ShortForms, name: str, node: yaml.Node) -> dict[str, Any]:
    content: Any
    if isinstance(node, yaml.SequenceNode):
        content = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.ScalarNode)
        content = loader.construct_scalar(node)
    return {name if name == "Ref" else f"Fn::{name}": content}


ShortForms.add_multi_constructor("!", _read_short_form)


@pytest.fixture(scope="module")
def stack() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.load(TEMPLATE.read_text(encoding="utf-8"), ShortForms)
    return loaded


@pytest.fixture(scope="module")
def commands() -> list[str]:
    phases = yaml.safe_load(BUILDSPEC.read_text(encoding="utf-8"))["phases"]
    return [command for phase in phases.values() for command in phase["commands"]]


def test_cfn_lint_accepts_the_template() -> None:
    run(SAM_BIN / "cfn-lint", "--regions", "eu-west-1", "--template", TEMPLATE)


def test_the_schedule_is_disabled_by_default(stack: dict[str, Any]) -> None:
    state = stack["Parameters"]["ScheduleState"]
    rules = [one for one in stack["Resources"].values() if one["Type"] == "AWS::Events::Rule"]

    assert state["Default"] == "DISABLED"
    assert set(state["AllowedValues"]) == {"DISABLED", "ENABLED"}
    assert [rule["Properties"]["State"] for rule in rules] == [{"Ref": "ScheduleState"}]
    # Neither a push nor a change of the source starts a run.
    assert not {"Triggers", "SourceVersion"} & set(stack["Resources"]["Retraining"]["Properties"])


def test_runs_never_overlap(stack: dict[str, Any]) -> None:
    assert stack["Resources"]["Retraining"]["Properties"]["ConcurrentBuildLimit"] == 1


def allowed(stack: dict[str, Any], action: str) -> list[str]:
    """Return the resources for which the run may use an action, as written in the template."""
    found = []
    for statement in policy_statements(stack["Resources"], "RetrainingRole"):
        assert statement["Effect"] == "Allow"
        if any(fnmatchcase(action, pattern) for pattern in as_list(statement["Action"])):
            found += [str(next(iter(one.values()))) for one in as_list(statement["Resource"])]
    return found


def test_the_run_has_only_the_permissions_that_it_needs(stack: dict[str, Any]) -> None:
    bucket = "arn:${AWS::Partition}:s3:::${ModelBucket}"
    assert allowed(stack, "s3:PutObject") == [f"{bucket}/models/*"]
    assert allowed(stack, "s3:ListBucket") == [bucket]
    assert allowed(stack, "s3:GetBucketVersioning") == [bucket]
    assert allowed(stack, "sts:AssumeRole") == ["DeployRoleArn"]
    assert allowed(stack, "s3:GetObject") == [
        "arn:${AWS::Partition}:s3:::${SourceBucket}/${SourceKey}",
        "arn:${AWS::Partition}:s3:::${DataBucket}/${DataKey}",
        f"{bucket}/models/*",
    ]
    for action in ("s3:DeleteObject", "s3:DeleteObjectVersion", "iam:PassRole", "lambda:UpdateFunctionCode"):
        assert allowed(stack, action) == []
    for role in ("RetrainingRole", "ScheduleRole"):
        for statement in policy_statements(stack["Resources"], role):
            assert "*" not in as_list(statement["Resource"])
            assert not [action for action in as_list(statement["Action"]) if "*" in action]
        trust = stack["Resources"][role]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        # Otherwise another account could make the service act with this role. EventBridge names its rule.
        key = "aws:SourceArn" if role == "ScheduleRole" else "aws:SourceAccount"
        assert [list(keys) for one in trust for keys in one["Condition"].values()] == [[key]]


def test_the_schedule_may_only_start_this_project(stack: dict[str, Any]) -> None:
    (statement,) = policy_statements(stack["Resources"], "ScheduleRole")
    assert statement["Action"] == "codebuild:StartBuild"
    assert statement["Resource"] == {"Fn::GetAtt": "Retraining.Arn"}


@pytest.mark.parametrize("check", EVENT_CHECKS)
def test_a_run_that_is_not_started_is_kept_and_raises_an_alarm(stack: dict[str, Any], check: str) -> None:
    """The checks of template.yaml, on the rule, the queue and the alarms of this stack."""
    EVENT_CHECKS[check](DeployedStack(stack))


def test_the_schedule_s_role_trusts_the_rule_of_the_stack(stack: dict[str, Any]) -> None:
    deployed = DeployedStack(stack)
    (trust,) = deployed.properties("ScheduleRole")["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Condition"] == {"ArnEquals": {"aws:SourceArn": deployed.arn("RetrainingRule")}}


def test_alarms_go_to_the_topic_that_is_given(stack: dict[str, Any]) -> None:
    topic = "arn:aws:sns:eu-west-1:123456789012:churn-prod-alarms"
    for parameters, actions in (({}, None), ({"AlarmTopicArn": topic}, [topic])):
        alarms = DeployedStack(stack, parameters).of_type("AWS::CloudWatch::Alarm")
        assert [alarm.get("AlarmActions") for alarm in alarms.values()] == [actions] * 3
    assert find_alarm(
        DeployedStack(stack), "AWS/CodeBuild", "FailedBuilds", ProjectName=f"{STACK}-Retraining"
    )


def test_every_command_of_the_run_exists(commands: list[str]) -> None:
    words = [shlex.split(command) for command in commands]
    targets = [target for line in words if line[0] == "make" for target in line[1:] if "=" not in target]
    assert set(targets) <= make_targets()
    assert "package" in targets

    churn = [line[1:] for line in words if line[0] == ".venv/bin/churn"]
    assert [line[0] for line in churn] == ["train", "publish"]
    for line in churn:
        options = {word for word in line if word.startswith("--")}
        assert options <= churn_options(line[0]), line
    assert "--promote" in churn[0]
    for line in words:
        if "-m" in line:
            assert (REPOSITORY / (line[line.index("-m") + 1].replace(".", "/") + ".py")).exists()


def test_the_run_trains_publishes_packages_and_deploys_in_this_order(commands: list[str]) -> None:
    steps = ("fetch_current", "churn train", "churn publish", "make package", "make deploy")
    found = [next(i for i, command in enumerate(commands) if step in command) for step in steps]
    assert found == sorted(found)
    # A failed command ends these phases; post_build would run even then.
    assert set(yaml.safe_load(BUILDSPEC.read_text(encoding="utf-8"))["phases"]) == {"install", "build"}


def test_the_run_uses_the_variables_that_the_project_gives_it(
    stack: dict[str, Any], commands: list[str]
) -> None:
    given = {
        one["Name"]
        for one in stack["Resources"]["Retraining"]["Properties"]["Environment"]["EnvironmentVariables"]
    }
    exported = set(re.findall(r"export (\w+)=", "\n".join(commands)))
    used = set(re.findall(r"\$\{?(\w+)", "\n".join(commands)))
    assert used <= given | exported
    assert exported == {"MODEL", "MODEL_DIGEST"}
    assert (
        stack["Resources"]["Retraining"]["Properties"]["Source"]["BuildSpec"]
        == "infra/retraining.buildspec.yaml"
    )

"""infra/retraining.yaml is off by default, has few permissions, and runs commands that exist."""

from __future__ import annotations

import re
import shlex
from fnmatch import fnmatchcase
from typing import Any, Final

import pytest
import yaml

from tests.infra.project.project_commands import churn_options, make_targets
from tests.infra.template_reader import REPOSITORY, SAM_BIN, as_list, policy_statements, run

TEMPLATE: Final = REPOSITORY / "infra" / "retraining.yaml"
BUILDSPEC: Final = REPOSITORY / "infra" / "retraining.buildspec.yaml"


class ShortForms(yaml.SafeLoader):
    """Reads short forms such as ``!Ref x`` as ``{"Ref": "x"}``."""


def _read_short_form(loader: ShortForms, name: str, node: yaml.Node) -> dict[str, Any]:
    assert isinstance(node, yaml.ScalarNode)
    return {name if name == "Ref" else f"Fn::{name}": loader.construct_scalar(node)}


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
        # Otherwise another account could make the service act with this role.
        assert [list(one["Condition"]["StringEquals"]) for one in trust] == [["aws:SourceAccount"]]


def test_the_schedule_may_only_start_this_project(stack: dict[str, Any]) -> None:
    (statement,) = policy_statements(stack["Resources"], "ScheduleRole")
    assert statement["Action"] == "codebuild:StartBuild"
    assert statement["Resource"] == {"Fn::GetAtt": "Retraining.Arn"}


def test_every_command_of_the_run_exists(commands: list[str]) -> None:
    words = [shlex.split(command) for command in commands]
    targets = [target for line in words if line[0] == "make" for target in line[1:]]
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
    steps = ("fetch_current", "churn train", "churn publish", "make package", "sam deploy")
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

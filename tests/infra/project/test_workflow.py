"""The workflows have few permissions, pin actions, run commands that exist, and deploy only after tests."""

from __future__ import annotations

import re
import shlex
from typing import Any, Final

import pytest
import yaml

from tests.infra.project.project_commands import make_targets
from tests.infra.template_reader import REPOSITORY

FOLDER: Final = REPOSITORY / ".github" / "workflows"
ENVIRONMENTS: Final = ("dev", "staging", "prod")
READ: Final = {"contents": "read"}
DEPLOY: Final = {"contents": "read", "id-token": "write"}


def read(name: str) -> dict[str, Any]:
    # YAML 1.1 reads the key `on` as true.
    loaded: dict[Any, Any] = yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))
    return {"on" if key is True else key: value for key, value in loaded.items()}


@pytest.fixture(scope="module")
def delivery() -> dict[str, Any]:
    return read("delivery.yml")


@pytest.fixture(scope="module")
def deploy() -> dict[str, Any]:
    return read("deploy.yml")


def steps(workflow: dict[str, Any]) -> list[dict[str, Any]]:
    return [step for job in workflow["jobs"].values() for step in job.get("steps", [])]


def test_there_are_only_these_workflows() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {"delivery.yml", "deploy.yml"}


def test_workflows_may_only_read_and_deployments_may_also_get_a_token(
    delivery: dict[str, Any], deploy: dict[str, Any]
) -> None:
    for workflow in (delivery, deploy):
        assert workflow["permissions"] == READ
    for name, job in delivery["jobs"].items():
        assert job.get("permissions", READ) == (DEPLOY if name in ENVIRONMENTS else READ)
    assert deploy["jobs"]["deploy"]["permissions"] == DEPLOY
    # A fork's code must never run with this repository's permissions.
    assert set(delivery["on"]) == {"pull_request", "push"}
    assert delivery["on"]["push"] == {"branches": ["main"]}
    assert set(deploy["on"]) == {"workflow_call"}


@pytest.mark.parametrize("name", ["delivery.yml", "deploy.yml"])
def test_actions_are_pinned_by_commit_with_their_version(name: str) -> None:
    lines = re.findall(r"uses: (\S+)(.*)", (FOLDER / name).read_text(encoding="utf-8"))
    for action, comment in lines:
        if action.startswith("./"):
            assert (REPOSITORY / action).exists()
        else:
            assert re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40}", action), action
            assert re.fullmatch(r" # v\d+\.\d+\.\d+", comment), action
    assert lines


@pytest.mark.parametrize("name", ["delivery.yml", "deploy.yml"])
def test_actions_run_on_a_supported_node(name: str) -> None:
    # The first majors that run on Node 24.
    least = {"checkout": 5, "setup-python": 6, "upload-artifact": 6, "configure-aws-credentials": 6}
    text = (FOLDER / name).read_text(encoding="utf-8")
    for action, major in re.findall(r"uses: [\w.-]+/([\w.-]+)@\S+ # v(\d+)", text):
        assert int(major) >= least[action], action


@pytest.mark.parametrize("name", ["delivery.yml", "deploy.yml"])
def test_no_secret_and_no_outside_text_gets_into_a_shell(name: str) -> None:
    text = (FOLDER / name).read_text(encoding="utf-8")
    assert "secrets." not in text
    assert not re.search(r"AKIA|aws_secret|password", text, re.IGNORECASE)
    for step in steps(read(name)):
        assert "${{" not in step.get("run", ""), "pass it as an environment variable"
        if str(step.get("uses", "")).startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False


def test_every_command_exists(delivery: dict[str, Any], deploy: dict[str, Any]) -> None:
    commands = [
        shlex.split(line)
        for workflow in (delivery, deploy)
        for step in steps(workflow)
        for line in step.get("run", "").splitlines()
    ]
    for command in commands:
        assert command[0] == "make"
        assert set(command[1:]) <= make_targets(), command
    assert commands[:3] == [["make", "test"], ["make", "lint"], ["make", "validate"]]


def test_the_locks_are_audited_on_every_change(delivery: dict[str, Any]) -> None:
    job = delivery["jobs"]["audit"]
    assert job["steps"][-1] == {"run": "make audit"}
    assert not {"if", "continue-on-error", "needs"} & set(job)
    # A fault that becomes known must not stop the deployment that moves back.
    assert all("audit" not in str(other.get("needs", "")) for other in delivery["jobs"].values())


def test_environments_are_deployed_in_order_after_the_tests(delivery: dict[str, Any]) -> None:
    jobs = delivery["jobs"]
    assert jobs["package"]["needs"] == "test"
    before = ["test", "package"]
    for environment in ENVIRONMENTS:
        job = jobs[environment]
        assert job["needs"] == before
        # `always()` and similar conditions would run it after a failure.
        assert job["if"] == "github.event_name == 'push'"
        assert job["uses"] == "./.github/workflows/deploy.yml"
        assert job["with"] == {"environment": environment}
        before = ["test", "package", environment]


def test_deployments_of_an_environment_never_overlap_or_stop_half_way(
    delivery: dict[str, Any], deploy: dict[str, Any]
) -> None:
    job = deploy["jobs"]["deploy"]
    # The environment prod is protected by required reviewers.
    assert job["environment"] == "${{ inputs.environment }}"
    assert job["concurrency"] == {"group": "deploy-${{ inputs.environment }}", "cancel-in-progress": False}
    assert delivery["concurrency"]["cancel-in-progress"] == "${{ github.event_name == 'pull_request' }}"
    names = [str(step.get("uses", step.get("run", ""))).partition("@")[0] for step in job["steps"]]
    package, materials = names.index("make package"), names.index("actions/upload-artifact")
    assert names.index("aws-actions/configure-aws-credentials") < package < materials < len(names) - 1
    # The very package that the job has made, and not the last build.
    assert job["steps"][-1]["run"] == "make deploy"
    options = job["steps"][-1]["env"]["SAM_OPTIONS"]
    assert "--template-file build/package/${{ inputs.environment }}/template.yaml" in options
    (credentials,) = (s for s in job["steps"] if "configure-aws-credentials" in s.get("uses", ""))
    assert set(credentials["with"]) == {"role-to-assume", "aws-region"}


def test_bills_of_materials_and_licences_are_kept(delivery: dict[str, Any], deploy: dict[str, Any]) -> None:
    for workflow in (delivery, deploy):
        (upload,) = (s for s in steps(workflow) if "upload-artifact" in s.get("uses", ""))
        kept = {path.rpartition("/")[2] for path in upload["with"]["path"].splitlines()}
        assert kept == {"*.cdx.json", "*.licences.txt", "packages.json"}
        assert upload["with"]["if-no-files-found"] == "error"

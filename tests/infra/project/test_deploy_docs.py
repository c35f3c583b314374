"""docs/deploy.md and docs/operations.md agree with the template."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from tests.infra.deployed_stack import STACK, DeployedStack
from tests.infra.project.parameter_table import COMMAND, PAGE, page_with_table
from tests.infra.project.test_samconfig import overrides
from tests.infra.template.test_dashboard import emitted
from tests.infra.template_reader import REPOSITORY

OPERATIONS: Final = REPOSITORY / "docs" / "operations.md"


def rows_of(page: str, heading: str) -> list[list[str]]:
    """Return the cells of the table under a heading, without its first row."""
    section = page.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_the_table_of_parameters_is_that_of_the_template(template: dict[str, Any]) -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == page_with_table(), f"run '{COMMAND}'"
    assert all(f"| `{name}` |" in page for name in template["Parameters"])


def test_every_value_of_the_authorizer_is_described(template: dict[str, Any]) -> None:
    described = [
        row[0].split("`")[1] for row in rows_of(PAGE.read_text(encoding="utf-8"), "Who may call the API")
    ]
    assert described == template["Parameters"]["ApiAuthorizer"]["AllowedValues"]


def test_environments_are_those_of_samconfig() -> None:
    rows = rows_of(PAGE.read_text(encoding="utf-8"), "Parameters and environments")
    described = {row[0].split()[0]: (row[2], row[3]) for row in rows}
    for section, name in (("default", "dev"), ("staging", "staging"), ("prod", "prod")):
        given = overrides(section)
        moves, logs = described[name]
        assert logs == f"{given['LogRetentionDays']} days"
        canary = re.fullmatch(r"Canary(\d+)Percent(\d+)Minutes", given["DeploymentType"])
        expected = f"{canary[1]} % for {canary[2]} minutes, then all" if canary else "at once"
        assert moves == expected


def test_every_alarm_has_exactly_one_row(deploy: Callable[..., DeployedStack]) -> None:
    # With a mail address, which brings an alarm of its own.
    alarms = deploy(AlarmEmail="operators@example.com").of_type("AWS::CloudWatch::Alarm").values()
    names = {alarm["AlarmName"].removeprefix(f"{STACK}-") for alarm in alarms}
    rows = rows_of(OPERATIONS.read_text(encoding="utf-8"), "Alarms")
    described = [row[0].strip("`") for row in rows]
    assert sorted(described) == sorted(names)
    assert all(len(row) == 3 and len(row[2].split()) > 5 for row in rows)


def test_the_idle_costs_add_up(stack: DeployedStack) -> None:
    rows = {
        row[0]: row for row in rows_of(PAGE.read_text(encoding="utf-8"), "What it costs when nobody uses it")
    }
    alarms = len(stack.of_type("AWS::CloudWatch::Alarm"))
    assert rows["alarms"][1:] == [f"{alarms} × $0.10", f"${alarms * 0.10:.2f}"]
    polls = 5 * 3 * 60 * 730
    assert f"{polls:,} requests" in rows["the queue's polling"][1]
    most = alarms * 0.10 + 3.00 + polls * 0.40 / 1e6
    assert rows["**default stack, idle**"][2] == f"**${alarms * 0.10:.2f} to ${most:.2f}**"
    snapshot = 730 * 3600 * 0.0000015046
    assert rows["SnapStart (`ScoreSnapStart`)"][2] == f"+ ${snapshot:.2f}"
    assert f"has {len(emitted('score'))} of them" in PAGE.read_text(encoding="utf-8").replace("\n", " ")


def test_names_and_figures_of_the_page_are_those_of_the_stack(
    template: dict[str, Any], stack: DeployedStack
) -> None:
    page = OPERATIONS.read_text(encoding="utf-8")
    groups = {
        group["LogGroupName"].replace(STACK, "churn-prod")
        for group in stack.of_type("AWS::Logs::LogGroup").values()
    }
    for group in groups:
        short = group.removeprefix("/aws/lambda/churn-prod")
        assert f"`{group}`" in page or f"`{short}`" in page, group
    parameters = set(template["Parameters"])
    # Words in mixed case and code style are parameters, resources or outputs.
    for name in re.findall(r"`([A-Z][a-z]+(?:[A-Z][a-z]+)+)`", page):
        assert name in parameters | set(stack.resources) | set(template["Outputs"]), name
    for rule in template["Rules"].values():
        sentence = rule["Assertions"][0]["AssertDescription"]
        assert re.search(re.escape(sentence.split(";")[0].rstrip(".")), page), sentence

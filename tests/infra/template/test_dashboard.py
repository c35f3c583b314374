"""The dashboard is valid JSON and shows metrics of this stack that the code or AWS emits."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Iterator
from typing import Any, Final, get_args

import pytest

from functions.batch.object_job import Phase as BatchPhase
from functions.score.measurement import Phase as ScorePhase
from tests.infra.deployed_stack import REGION, STACK, DeployedStack
from tests.infra.template_reader import REPOSITORY

EMITTERS: Final = ("add_metric", "_count_by", "single_metric")
PHASES: Final = {"score": get_args(ScorePhase), "batch": get_args(BatchPhase)}
AWS: Final = {
    "AWS/ApiGateway": {"Count", "4XXError", "5XXError", "Latency", "IntegrationLatency"},
    "AWS/Lambda": {"Invocations", "Duration", "Errors", "Throttles", "ConcurrentExecutions"},
    "AWS/SQS": {"ApproximateAgeOfOldestMessage", "ApproximateNumberOfMessagesVisible"},
    "AWS/Events": {"FailedInvocations", "InvocationsFailedToBeSentToDlq"},
    "AWS/States": {"ExecutionsFailed"},
}


def emitted(function: str) -> set[str]:
    """Return the names of the metrics that a function's code emits, including those of Powertools."""
    names = {"ColdStart"}
    for path in (REPOSITORY / "functions" / function).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and node.args:
                called = (
                    node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                )
                if called in EMITTERS:
                    names |= set(_texts(node.args[0], PHASES[function]))
    return names


def _texts(node: ast.expr, phases: tuple[str, ...]) -> Iterator[str]:
    if isinstance(node, ast.Constant):
        yield str(node.value)
    elif isinstance(node, ast.JoinedStr):
        value, suffix = node.values
        assert isinstance(value, ast.FormattedValue)
        assert isinstance(suffix, ast.Constant)
        assert isinstance(suffix.value, str)
        yield from (f"{phase}{suffix.value}" for phase in phases)


@pytest.fixture(scope="module")
def body(stack: DeployedStack) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(stack.properties("Dashboard")["DashboardBody"])
    return content


def shown(body: dict[str, Any]) -> list[tuple[str, str, dict[str, str]]]:
    """Return namespace, name and dimensions of each metric on the dashboard."""
    rows = [row for widget in body["widgets"] for row in widget["properties"].get("metrics", [])]
    found = []
    for namespace, name, *rest in rows:
        *places, options = rest
        assert set(options) == {"stat"}
        found.append((namespace, name, dict(zip(places[::2], places[1::2], strict=True))))
    return found


def alarmed(stack: DeployedStack) -> list[tuple[str, str, dict[str, str]]]:
    """Return namespace, name and dimensions of each metric with an alarm."""
    found = []
    for alarm in stack.of_type("AWS::CloudWatch::Alarm").values():
        metric = alarm if "MetricName" in alarm else alarm["Metrics"][1]["MetricStat"]["Metric"]
        places = {dimension["Name"]: dimension["Value"] for dimension in metric["Dimensions"]}
        found.append((metric["Namespace"], metric["MetricName"], places))
    return found


def test_there_are_names_to_compare_with() -> None:
    assert {"CustomersScored", "HighRiskShare", "ScoreTime", "Unavailable"} <= emitted("score")
    assert {"ScoredRows", "Quarantined", "ScoreDrift", "Skipped", "ModelUnavailable"} <= emitted("batch")


@pytest.mark.parametrize("source", ["dashboard", "alarms"])
def test_every_metric_is_emitted(stack: DeployedStack, body: dict[str, Any], source: str) -> None:
    metrics = shown(body) if source == "dashboard" else alarmed(stack)
    assert metrics
    for namespace, name, places in metrics:
        if namespace == "Churn":
            function = places["service"].removeprefix(f"{STACK}-")
            assert name in emitted(function), f"{name} is not emitted by functions/{function}"
            assert set(places) == ({"service", "function_name"} if name == "ColdStart" else {"service"})
        else:
            assert name in AWS[namespace], f"{name} is no metric of {namespace}"


def test_every_metric_belongs_to_this_stack(stack: DeployedStack, body: dict[str, Any]) -> None:
    functions = {f"{STACK}-{name}" for name in stack.of_type("AWS::Lambda::Function")}
    queues = {queue["QueueName"] for queue in stack.of_type("AWS::SQS::Queue").values()}
    for _, name, places in shown(body):
        for dimension, value in places.items():
            known = {
                "service": {f"{STACK}-score", f"{STACK}-batch"},
                "FunctionName": functions,
                "function_name": functions,
                "QueueName": queues,
                "ApiName": {stack.the("AWS::ApiGateway::RestApi")["Name"]},
                "Stage": {"live"},
            }
            assert value in known[dimension], (name, dimension, value)


def test_business_figures_come_first(body: dict[str, Any]) -> None:
    headings = [
        (widget["y"], widget["properties"]["markdown"])
        for widget in body["widgets"]
        if widget["type"] == "text"
    ]
    assert [text for _, text in sorted(headings)] == ["# Customers", "# Machines"]
    line = headings[1][0]
    upper = {
        row[1]
        for widget in body["widgets"]
        if widget["y"] < line
        for row in widget["properties"].get("metrics", [])
    }
    assert {"CustomersScored", "PredictedChurners", "HighRiskShare", "ScoreDrift"} <= upper


def test_widgets_fill_a_grid_without_overlap(body: dict[str, Any]) -> None:
    taken: set[tuple[int, int]] = set()
    for widget in body["widgets"]:
        cells = {
            (x, y)
            for x in range(widget["x"], widget["x"] + widget["width"])
            for y in range(widget["y"], widget["y"] + widget["height"])
        }
        assert not cells & taken, widget
        taken |= cells
        assert widget["x"] + widget["width"] <= 24
        assert widget["properties"].get("region", REGION) == REGION


def test_the_dashboard_can_be_switched_off(deploy: Callable[..., DeployedStack]) -> None:
    assert "Dashboard" not in deploy(CreateDashboard="false").resources

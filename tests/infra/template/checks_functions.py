"""Checks of the functions, their logs and their deployment."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from functions.batch.settings import DEFAULT_MAX_OBJECT_BYTES, DEFAULT_MAX_ROWS
from tests.infra.template_reader import as_list

if TYPE_CHECKING:
    from tests.infra.deployed_stack import DeployedStack

RUNTIME: Final = "python3.13"
FOLDERS: Final = {"ScoreFunction": "score", "BatchFunction": "batch", "PreTrafficFunction": "pre_traffic"}
SERVING: Final = ("ScoreFunction", "BatchFunction")
SECRET: Final = re.compile(r"secret|password|passwd|token|credential|api_?key|private", re.IGNORECASE)
LONGEST_SECONDS: Final = 900
"""Lambda's longest timeout."""
MEGABYTE: Final = 1024 * 1024


def variables_of(function: dict[str, Any]) -> dict[str, Any]:
    variables: dict[str, Any] = function["Environment"]["Variables"]
    return variables


def check_runtime_and_processor_are_set(stack: DeployedStack) -> None:
    functions = stack.of_type("AWS::Lambda::Function")
    assert set(FOLDERS) <= set(functions)
    for name, function in functions.items():
        assert function["Runtime"] == RUNTIME, name
        assert function["Architectures"] == [stack.parameters["Architecture"]], name
        assert function["MemorySize"], name
        assert function["Timeout"] <= LONGEST_SECONDS, name
        assert re.fullmatch(r"functions\.\w+\.app\.lambda_handler", function["Handler"]), name
    for name, folder in FOLDERS.items():
        assert functions[name]["Handler"] == f"functions.{folder}.app.lambda_handler"


def check_traces_hold_no_answers(stack: DeployedStack) -> None:
    for name, function in stack.of_type("AWS::Lambda::Function").items():
        variables = variables_of(function)
        assert function["TracingConfig"] == {"Mode": "Active"}, name
        assert variables["POWERTOOLS_TRACER_CAPTURE_RESPONSE"] == "false", name
        assert variables["POWERTOOLS_TRACER_CAPTURE_ERROR"] == "false", name
        assert not {"POWERTOOLS_LOGGER_LOG_EVENT", "POWERTOOLS_DEV", "POWERTOOLS_DEBUG"} & set(variables), (
            name
        )


def check_no_library_sends_telemetry(stack: DeployedStack) -> None:
    for name, function in stack.of_type("AWS::Lambda::Function").items():
        assert variables_of(function)["ORT_DISABLE_TELEMETRY"] == "1", name


def check_variables_hold_no_secret(stack: DeployedStack) -> None:
    for name, function in stack.of_type("AWS::Lambda::Function").items():
        assert not [variable for variable in variables_of(function) if SECRET.search(variable)], name
        assert function.get("KmsKeyArn", "") == stack.parameters["KmsKeyArn"], name


def check_each_function_logs_json_to_its_own_group(stack: DeployedStack) -> None:
    groups = {group["LogGroupName"] for group in stack.of_type("AWS::Logs::LogGroup").values()}
    functions = stack.of_type("AWS::Lambda::Function")
    used = [function["LoggingConfig"]["LogGroup"] for function in functions.values()]
    assert len(set(used)) == len(used), "two functions share a log group"
    assert set(used) <= groups
    assert all(function["LoggingConfig"]["LogFormat"] == "JSON" for function in functions.values())


def check_logs_are_deleted_after_the_retention_time(stack: DeployedStack) -> None:
    for name, group in stack.of_type("AWS::Logs::LogGroup").items():
        assert group["RetentionInDays"] == stack.parameters["LogRetentionDays"], name
        assert group.get("KmsKeyId", "") == stack.parameters["KmsKeyArn"], name


def check_no_function_is_in_a_network_or_shares_a_role(stack: DeployedStack) -> None:
    functions = stack.of_type("AWS::Lambda::Function")
    roles = [function["Role"] for function in functions.values()]
    assert len(set(roles)) == len(roles), "two functions share a role"
    assert all("VpcConfig" not in function for function in functions.values())


def check_a_file_fits_into_the_batch_function(stack: DeployedStack) -> None:
    function = stack.properties("BatchFunction")
    assert function["EphemeralStorage"]["Size"] * MEGABYTE >= 2 * int(stack.parameters["MaxObjectBytes"])
    assert function["Timeout"] <= 300
    assert function["RecursiveLoop"] == "Terminate"
    variables = variables_of(function)
    for variable, parameter, default in (
        ("CHURN_MAX_OBJECT_BYTES", "MaxObjectBytes", DEFAULT_MAX_OBJECT_BYTES),
        ("CHURN_MAX_ROWS", "MaxRows", DEFAULT_MAX_ROWS),
    ):
        assert variables[variable] == stack.parameters[parameter] == default
    for kind in ("Input", "Output"):
        assert variables[f"CHURN_{kind.upper()}_BUCKET"] == stack.properties(f"{kind}Bucket")["BucketName"]


def check_concurrency_is_reserved_only_if_it_is_set(stack: DeployedStack) -> None:
    asked = int(stack.parameters["ScoreConcurrency"])
    reserved = stack.properties("ScoreFunction").get("ReservedConcurrentExecutions")
    assert reserved == (stack.parameters["ScoreConcurrency"] if asked else None)


def check_snapstart_follows_its_parameter(stack: DeployedStack) -> None:
    assert stack.properties("ScoreFunction")["SnapStart"] == {"ApplyOn": stack.parameters["ScoreSnapStart"]}
    # SnapStart does not support more than 512 MB of /tmp.
    assert "SnapStart" not in stack.properties("BatchFunction")


def check_score_and_batch_are_called_by_their_alias(stack: DeployedStack) -> None:
    aliases = {alias["FunctionName"]: alias for alias in stack.of_type("AWS::Lambda::Alias").values()}
    for name in SERVING:
        alias = aliases[f"churn-test-{name}"]
        assert alias["Name"] == "live", name
        assert alias["FunctionVersion"].endswith(".Version"), name


def check_a_new_version_is_checked_before_it_gets_traffic(stack: DeployedStack) -> None:
    policy = stack.resources["ScoreFunctionAliaslive"]["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]
    assert policy["BeforeAllowTrafficHook"] == "churn-test-PreTrafficFunction"
    hook = stack.properties("PreTrafficFunction")
    assert variables_of(hook)["CHURN_NEW_VERSION"] == f"{stack.arn('ScoreFunction')}:1"
    group = stack.the("AWS::CodeDeploy::DeploymentGroup")
    assert group["AutoRollbackConfiguration"]["Enabled"] is True
    events = set(group["AutoRollbackConfiguration"]["Events"])
    assert {"DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM"} <= events
    assert group["ServiceRoleArn"] == stack.arn("DeploymentRole")


def check_alarms_roll_a_deployment_back(stack: DeployedStack) -> None:
    configuration = stack.the("AWS::CodeDeploy::DeploymentGroup")["AlarmConfiguration"]
    assert configuration["Enabled"] is True
    named = {alarm["Name"].removeprefix("churn-test-") for alarm in configuration["Alarms"]}
    assert len(named) >= 3
    alarms = stack.of_type("AWS::CloudWatch::Alarm")
    for name in named:
        # An alarm in ALARM because of missing data would block the deployment that fixes it.
        assert alarms[name]["TreatMissingData"] == "notBreaching", name
        assert alarms[name]["Period"] * alarms[name]["EvaluationPeriods"] <= 120, name
    executed = {"FunctionName", "Resource", "ExecutedVersion"}
    on_the_version = [
        alarm
        for name, alarm in alarms.items()
        if name in named and {dimension["Name"] for dimension in alarm["Dimensions"]} == executed
    ]
    assert {alarm["MetricName"] for alarm in on_the_version} >= {"Errors", "Throttles", "Duration"}
    for alarm in on_the_version:
        values = {dimension["Name"]: dimension["Value"] for dimension in alarm["Dimensions"]}
        assert values["Resource"] == f"{values['FunctionName']}:live"
        assert values["ExecutedVersion"].endswith(".Version")


def check_batch_follows_score(stack: DeployedStack) -> None:
    waits_for = as_list(stack.resources["BatchFunction"].get("DependsOn", []))
    assert "ScoreFunctionAliaslive" in waits_for


def check_every_function_knows_its_environment(stack: DeployedStack) -> None:
    for name, function in stack.of_type("AWS::Lambda::Function").items():
        assert variables_of(function)["CHURN_ENVIRONMENT"] == stack.parameters["Environment"], name

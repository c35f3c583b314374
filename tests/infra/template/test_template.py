"""template.yaml is valid and has no cycles; its parameters have descriptions and limits."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from graphlib import CycleError, TopologicalSorter
from typing import Any

import pytest

from tests.infra.deployed_stack import DeployedStack
from tests.infra.template.test_checklist import STACKS
from tests.infra.template_reader import SAM_BIN, TEMPLATE, Resources, references, run, transformed

MANAGED_PATTERNS = {
    "UserPoolArn": ("arn:aws:cognito-idp:eu-west-1:123456789012:userpool/eu-west-1_aB3", "eu-west-1_aB3"),
    "WebAclArn": (
        "arn:aws:wafv2:eu-west-1:123456789012:regional/webacl/churn/0a1b-2c",
        "arn:aws:wafv2:us-east-1:123456789012:global/webacl/churn/0a1b-2c",
    ),
    "KmsKeyArn": ("arn:aws:kms:eu-west-1:123456789012:key/0a1b-2c", "alias/churn"),
    "PermissionsBoundary": ("arn:aws:iam::123456789012:policy/team/boundary", "boundary"),
    "AccessLogBucket": ("logs-of-mine", "s3://logs-of-mine/"),
    "AlarmEmail": ("operators@example.com", "operators"),
}


def test_sam_accepts_the_template() -> None:
    run(SAM_BIN / "sam", "validate", "--lint", "--template", TEMPLATE, "--region", "eu-west-1")


def waits(resources: Resources) -> dict[str, set[str]]:
    names = set(resources)
    return {name: references(resource, names) for name, resource in resources.items()}


@pytest.mark.parametrize("name", ["ScoreFunction", "BatchFunction"])
def test_a_changed_parameter_makes_a_new_version(template: dict[str, Any], name: str) -> None:
    """SAM publishes a version when code or template change; a parameter's value is in neither."""
    resources, parameters = template["Resources"], set(template["Parameters"])
    (version,) = [
        resource
        for resource in resources.values()
        if resource["Type"] == "AWS::Lambda::Version"
        and resource["Properties"]["FunctionName"] == {"Ref": name}
    ]
    # Reserved concurrency belongs to the function, not to a version.
    published = {
        key: value
        for key, value in resources[name]["Properties"].items()
        if key != "ReservedConcurrentExecutions"
    }
    assert version["UpdateReplacePolicy"] == version["DeletionPolicy"] == "Retain"
    description = version["Properties"]["Description"]["Fn::Sub"]
    # A condition on the parameter decides whether there is a key.
    assert references(published, parameters) == set(re.findall(r"\$\{(\w+)\}", description))


def test_the_longest_values_fit_into_a_version_s_description(template: dict[str, Any]) -> None:
    longest = {
        name: max(
            [len(str(value)) for value in parameter.get("AllowedValues", [])]
            + [len(str(parameter.get("MaxValue", ""))), parameter.get("MaxLength", 0)]
        )
        for name, parameter in template["Parameters"].items()
    } | {"KmsKeyArn": len("arn:aws-us-gov:kms:us-gov-west-1:123456789012:key/mrk-" + "0" * 32)}
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Lambda::Version" and "Description" in resource["Properties"]:
            description = resource["Properties"]["Description"]["Fn::Sub"]
            names = re.findall(r"\$\{(\w+)\}", description)
            assert sum(longest[name] for name in names) + len(names) <= 256


def test_there_is_no_cycle_of_references(resources: Resources) -> None:
    # static_order raises CycleError with the resources in the cycle.
    assert set(TopologicalSorter(waits(resources)).static_order()) == set(resources)


def test_an_alarm_that_refers_to_the_api_would_make_a_cycle(resources: Resources) -> None:
    graph = waits(resources)
    graph["NewVersionErrorsAlarm"] = graph["NewVersionErrorsAlarm"] | {"Api"}
    with pytest.raises(CycleError):
        list(TopologicalSorter(graph).static_order())


@pytest.mark.parametrize("parameters", STACKS)
def test_nothing_refers_to_a_resource_that_a_condition_left_out(
    deploy: Callable[..., DeployedStack], resources: Resources, parameters: str
) -> None:
    stack = deploy(**STACKS[parameters])
    left_out = set(resources) - set(stack.resources)
    names = "|".join(sorted(left_out)) or "nothing at all"
    for name, resource in stack.resources.items():
        # Only DependsOn may name a resource that does not exist.
        content = json.dumps({key: value for key, value in resource.items() if key != "DependsOn"})
        assert not re.search(rf"churn-test-({names})\b", content), name


def test_every_parameter_has_a_description_limits_and_a_default(template: dict[str, Any]) -> None:
    for name, parameter in template["Parameters"].items():
        assert parameter["Description"].endswith("."), name
        assert "Default" in parameter, name
        if parameter["Type"] == "Number" and "AllowedValues" not in parameter:
            assert parameter["MinValue"] <= parameter["Default"] <= parameter["MaxValue"], name
        elif "AllowedValues" in parameter:
            assert parameter["Default"] in parameter["AllowedValues"], name
        elif parameter["Type"] == "String":
            assert re.fullmatch(parameter["AllowedPattern"], parameter["Default"]), name
            assert parameter["ConstraintDescription"].endswith("."), name
        else:
            # A pattern is applied to each member of a list; an empty list has one empty member.
            assert (name, parameter["Type"]) == ("ApiScopes", "CommaDelimitedList")


@pytest.mark.parametrize("name", MANAGED_PATTERNS)
def test_patterns_accept_real_aws_names(template: dict[str, Any], name: str) -> None:
    pattern = template["Parameters"][name]["AllowedPattern"]
    good, bad = MANAGED_PATTERNS[name]
    assert re.fullmatch(pattern, good)
    assert not re.fullmatch(pattern, bad)


def test_every_parameter_is_in_one_group(template: dict[str, Any]) -> None:
    groups = template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    grouped = [name for group in groups for name in group["Parameters"]]
    assert sorted(grouped) == sorted(template["Parameters"])
    assert len({group["Label"]["default"] for group in groups}) == len(groups)


def test_every_parameter_is_used(template: dict[str, Any]) -> None:
    text = json.dumps({key: template[key] for key in ("Resources", "Conditions")})
    # The transform has inserted its value.
    unused = {
        name
        for name in template["Parameters"]
        if f'{{"Ref": "{name}"}}' not in text and f"${{{name}}}" not in text
    }
    assert unused == {"DeploymentType", "UseCodeDeploy"}


def test_the_deployment_type_is_a_parameter(template: dict[str, Any]) -> None:
    assert "AllAtOnce" in template["Parameters"]["DeploymentType"]["AllowedValues"]
    group = DeployedStack(transformed(DeploymentType="AllAtOnce")).the("AWS::CodeDeploy::DeploymentGroup")
    assert group["DeploymentConfigName"] == "CodeDeployDefault.LambdaAllAtOnce"


def without_codedeploy(template: dict[str, Any]) -> tuple[dict[str, Any], set[str]]:
    """Return the template with UseCodeDeploy=false, and the names of the resources that it lacks."""
    other = transformed(UseCodeDeploy="false")
    # The API's deployment has another name after each transform (AlwaysDeploy).
    lacking = {
        name
        for name, resource in template["Resources"].items()
        if name not in other["Resources"] and resource["Type"] != "AWS::ApiGateway::Deployment"
    }
    return other, lacking


def test_one_deployment_can_leave_codedeploy_out(template: dict[str, Any]) -> None:
    """CodeDeploy refuses to move an alias that was moved by hand; CloudFormation itself moves it."""
    other, lacking = without_codedeploy(template)
    assert {template["Resources"][name]["Type"] for name in lacking} == {
        "AWS::CodeDeploy::Application",
        "AWS::CodeDeploy::DeploymentGroup",
    }
    alias = template["Resources"]["ScoreFunctionAliaslive"]
    assert "CodeDeployLambdaAliasUpdate" in alias["UpdatePolicy"]
    assert other["Resources"]["ScoreFunctionAliaslive"] == {
        key: value for key, value in alias.items() if key != "UpdatePolicy"
    }
    # CloudFormation refuses a template that refers to a resource which it does not have.
    assert references([other["Resources"], other["Outputs"]], lacking) == set()


def test_a_new_version_gets_a_tenth_of_the_traffic_first(stack: DeployedStack) -> None:
    group = stack.the("AWS::CodeDeploy::DeploymentGroup")
    assert group["DeploymentConfigName"] == "CodeDeployDefault.LambdaCanary10Percent5Minutes"


def test_a_new_batch_version_gets_all_traffic_at_once(stack: DeployedStack) -> None:
    assert "UpdatePolicy" not in stack.resources["BatchFunctionAliaslive"]


def test_the_user_s_own_key_replaces_aws_s_key(deploy: Callable[..., DeployedStack]) -> None:
    key = STACKS["all that is optional"]["KmsKeyArn"]
    assert key not in json.dumps(deploy().resources)
    assert "kms:" not in json.dumps(deploy().resources)
    stack = deploy(**STACKS["all that is optional"])
    holders = {name for name, resource in stack.resources.items() if key in json.dumps(resource)}
    assert {"InputQueue", "DeadLetterQueue"} <= holders
    for kind in ("AWS::S3::Bucket", "AWS::SNS::Topic", "AWS::Logs::LogGroup"):
        assert set(stack.of_type(kind)) <= holders, kind
    assert set(stack.of_type("AWS::Lambda::Function")) <= holders

"""The local stack resolves the template as CloudFormation does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from infra.local.template_settings import ACCOUNT, REGION, STACK, TemplateSettings
from tests.infra.template_reader import Resources, of_type

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = TemplateSettings()


def test_routes_equal_those_of_the_transformed_api(resources: Resources) -> None:
    (api,) = of_type(resources, "AWS::ApiGateway::RestApi").values()
    made = {(method.upper(), path) for path, methods in api["Body"]["paths"].items() for method in methods}
    assert set(SETTINGS.routes()) == made


def test_gateway_responses_are_those_of_the_transformed_api(resources: Resources) -> None:
    (api,) = of_type(resources, "AWS::ApiGateway::RestApi").values()
    made = api["Body"]["x-amazon-apigateway-gateway-responses"]
    for name, response in made.items():
        if not name.startswith("DEFAULT_"):
            found = SETTINGS.gateway_response(name)
            assert found.status == int(response["statusCode"])
            assert found.body == response["responseTemplates"]["application/json"]
            assert found.headers == {
                key.removeprefix("gatewayresponse.header."): value.strip("'")
                for key, value in response["responseParameters"].items()
            }


@pytest.mark.parametrize("name", ["ScoreFunction", "BatchFunction"])
def test_functions_are_those_of_the_transformed_template(
    template: dict[str, Any], resources: Resources, name: str
) -> None:
    made, found = resources[name]["Properties"], SETTINGS.function(name)
    assert (found.handler, found.timeout_seconds) == (made["Handler"], made["Timeout"])
    assert found.memory_mb == template["Parameters"][made["MemorySize"]["Ref"]]["Default"]
    assert set(found.environment) == set(made["Environment"]["Variables"])
    assert all(isinstance(value, str) and "${" not in value for value in found.environment.values())


def test_names_contain_stack_account_and_region() -> None:
    batch = SETTINGS.function("BatchFunction").environment
    input_bucket = SETTINGS.properties("InputBucket")["BucketName"]
    assert batch["CHURN_INPUT_BUCKET"] == input_bucket == f"{STACK}-input-{ACCOUNT}-{REGION}"
    assert batch["CHURN_OUTPUT_BUCKET"] == SETTINGS.properties("OutputBucket")["BucketName"]
    pattern = SETTINGS.properties("InputRule")["EventPattern"]
    assert pattern["detail"]["bucket"]["name"] == [input_bucket]


def test_properties_that_a_condition_removes_are_absent(tmp_path: Path) -> None:
    assert "ReservedConcurrentExecutions" not in SETTINGS.properties("ScoreFunction")
    text = (
        "Parameters: {Reserved: {Default: 3}}\n"
        "Conditions: {IsReserved: !Not [!Equals [!Ref Reserved, 0]]}\n"
        "Resources: {Function: {Properties: {Kept: !If [IsReserved, !Ref Reserved, !Ref AWS::NoValue]}}}\n"
    )
    other = tmp_path / "template.yaml"
    other.write_text(text, encoding="utf-8")
    assert TemplateSettings(other).properties("Function") == {"Kept": 3}


def test_an_unsupported_cloudformation_function_is_named(tmp_path: Path) -> None:
    other = tmp_path / "template.yaml"
    other.write_text("Parameters: {}\nResources: {Queue: {Properties: {Name: !ImportValue x}}}\n", "utf-8")
    with pytest.raises(NotImplementedError, match="ImportValue"):
        TemplateSettings(other).properties("Queue")

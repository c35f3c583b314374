"""compose.yaml and the Dockerfile agree with the template."""

from __future__ import annotations

import re
from typing import Any, Final

import pytest
import yaml

from infra.containers.prepare import PREPARED
from infra.local.template_settings import REGION, TemplateSettings
from infra.local.tools import REPOSITORY

SERVICES: Final[dict[str, Any]] = yaml.safe_load((REPOSITORY / "compose.yaml").read_text(encoding="utf-8"))[
    "services"
]
DOCKERFILE: Final = (REPOSITORY / "Dockerfile").read_text(encoding="utf-8")
FUNCTIONS: Final = {"score": "ScoreFunction", "batch": "BatchFunction"}
SETTINGS: Final = TemplateSettings()


def stage(name: str) -> str:
    """Return the Dockerfile's lines for a target."""
    found = re.search(rf"(?ms)^FROM \S+ AS {name}$(.*?)(?=^FROM |\Z)", DOCKERFILE)
    assert found is not None
    return found[1]


@pytest.mark.parametrize(("service", "function"), FUNCTIONS.items())
def test_functions_have_the_template_s_variables_memory_and_timeout(service: str, function: str) -> None:
    declared, service_of = SETTINGS.function(function), SERVICES[service]
    variables = {
        name: value for name, value in service_of["environment"].items() if not name.startswith("AWS_")
    }
    lambda_s_own = {
        name.removeprefix("AWS_LAMBDA_FUNCTION_"): value
        for name, value in service_of["environment"].items()
        if name.startswith("AWS_LAMBDA_FUNCTION_")
    }

    assert variables == declared.environment
    assert lambda_s_own == {
        "NAME": function,
        "MEMORY_SIZE": str(declared.memory_mb),
        "TIMEOUT": str(declared.timeout_seconds),
    }
    assert service_of["mem_limit"] == f"{declared.memory_mb}m"


@pytest.mark.parametrize(("service", "function"), FUNCTIONS.items())
def test_images_contain_the_function_s_bundle_and_start_its_handler(service: str, function: str) -> None:
    assert stage(service).split("\n")[1:3] == [
        f"COPY {PREPARED}/functions/{function} /var/task",
        f'CMD ["{SETTINGS.function(function).handler}"]',
    ]
    assert SERVICES[service]["build"]["target"] == service


def test_nothing_is_installed_in_an_image() -> None:
    assert not re.findall(r"^(?:RUN|ADD) .*", DOCKERFILE, re.MULTILINE)


def test_only_prepared_files_get_into_an_image() -> None:
    ignored = (REPOSITORY / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert [line for line in ignored if not line.startswith("#")] == ["*", f"!{PREPARED}"]


def test_services_have_each_other_s_addresses() -> None:
    assert {SERVICES[name]["environment"]["AWS_ENDPOINT_URL"] for name in ("batch", "front")} == {
        "http://aws:4566"
    }
    assert SERVICES["batch"]["environment"]["AWS_REGION"] == REGION
    front = SERVICES["front"]["environment"]
    assert (front["CHURN_SCORE_URL"], front["CHURN_BATCH_URL"]) == ("http://score:8080", "http://batch:8080")


def test_ports_are_open_only_to_this_machine() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert len(published) == 2
    assert all(port.startswith("127.0.0.1:") for port in published)


@pytest.mark.parametrize("service", SERVICES)
def test_every_container_is_confined(service: str) -> None:
    found = SERVICES[service]
    assert found["user"] == "993:990"
    assert found["read_only"]
    assert found["cap_drop"] == ["ALL"]
    assert found["security_opt"] == ["no-new-privileges:true"]
    # A volume: a file system in memory would count as the function's memory.
    assert found["volumes"] == ["/tmp"]

"""template.yaml as CloudFormation sees it, and functions that read it for the tests."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any, Final

REPOSITORY: Final = Path(__file__).resolve().parents[2]
SAM_BIN: Final = REPOSITORY / ".sam-venv" / "bin"
TEMPLATE: Final = REPOSITORY / "template.yaml"

Resources = dict[str, dict[str, Any]]


def run(*command: str | Path) -> str:
    result = subprocess.run(
        command,
        cwd=REPOSITORY,
        env=os.environ | {"SAM_CLI_TELEMETRY": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def transformed(**parameters: str) -> dict[str, Any]:
    arguments = [f"{name}={value}" for name, value in parameters.items()]
    script = REPOSITORY / "tests" / "infra" / "template" / "transform_template.py"
    result: dict[str, Any] = json.loads(run(SAM_BIN / "python", script, TEMPLATE, *arguments))
    return result


def of_type(resources: Resources, kind: str) -> dict[str, dict[str, Any]]:
    return {name: r["Properties"] for name, r in resources.items() if r["Type"] == kind}


def references(content: object, names: set[str]) -> set[str]:
    """Return the resources that a part of the template depends on."""
    found: set[str] = set()
    if isinstance(content, dict):
        for key, value in content.items():
            if key == "Ref":
                found.add(value)
            elif key == "Fn::GetAtt":
                found.add(value[0] if isinstance(value, list) else value.split(".")[0])
            elif key == "Fn::Sub":
                text = value[0] if isinstance(value, list) else value
                found.update(name.split(".")[0] for name in re.findall(r"\$\{([^!}]+)\}", text))
            elif key == "DependsOn":
                found.update([value] if isinstance(value, str) else value)
            if not isinstance(value, str):
                found |= references(value, names)
    elif isinstance(content, list):
        for value in content:
            found |= references(value, names)
    return found & names


def policy_statements(resources: Resources, role: str) -> list[dict[str, Any]]:
    """Return a role's unconditional statements; a `DeployedStack` has the conditional ones too."""
    policies = resources[role]["Properties"]["Policies"]
    statements = [s for policy in policies for s in policy["PolicyDocument"]["Statement"]]
    return [statement for statement in statements if "Fn::If" not in statement]


def as_list(content: Any) -> list[Any]:
    return content if isinstance(content, list) else [content]

"""Read template.yaml for the local stack: names, limits and routes, with all references resolved."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import yaml

from infra.local.tools import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path

TEMPLATE: Final = REPOSITORY / "template.yaml"
ACCOUNT: Final = "123456789012"
"""The account id that moto uses."""
REGION: Final = "eu-west-1"
STACK: Final = "churn-local"

_NO_VALUE: Final = object()
_VARIABLE: Final = re.compile(r"\$\{([^}]+)\}")


@dataclass(frozen=True, slots=True)
class FunctionDefinition:
    """A function of the template.

    Attributes
    ----------
    handler : str
    memory_mb, timeout_seconds : int
    environment : dict
        Its environment variables, including those of Globals.
    """

    handler: str
    memory_mb: int
    timeout_seconds: int
    environment: dict[str, str]


@dataclass(frozen=True, slots=True)
class GatewayResponse:
    """An answer that API Gateway gives without calling a function.

    Attributes
    ----------
    status : int
    headers : dict
    body : str
        Contains ``$context.requestId`` in place of the request's id.
    """

    status: int
    headers: dict[str, str]
    body: str


class TemplateSettings:
    """The template's content, for one stack with the default parameters.

    Parameters
    ----------
    path : Path
        The template.
    """

    def __init__(self, path: Path = TEMPLATE) -> None:
        self._template = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
        self._values: dict[str, Any] = {
            "AWS::StackName": STACK,
            "AWS::AccountId": ACCOUNT,
            "AWS::Region": REGION,
            "AWS::Partition": "aws",
            "AWS::URLSuffix": "amazonaws.com",
            "AWS::NoValue": _NO_VALUE,
        }
        self._conditions: dict[str, _Intrinsic] = self._template.get("Conditions", {})
        self._values |= {
            name: parameter["Default"] for name, parameter in self._template["Parameters"].items()
        }

    def properties(self, resource: str) -> dict[str, Any]:
        """Return a resource's resolved properties; a reference to another resource becomes its logical id."""
        resolved: dict[str, Any] = self._resolve(self._template["Resources"][resource]["Properties"])
        return resolved

    @property
    def functions(self) -> list[str]:
        """The functions' logical ids."""
        resources = self._template["Resources"].items()
        return [name for name, declared in resources if declared["Type"] == "AWS::Serverless::Function"]

    def function(self, name: str) -> FunctionDefinition:
        """Return a function's definition by its logical id."""
        defaults = self._resolve(self._template["Globals"]["Function"])
        found = self.properties(name)
        variables = defaults["Environment"]["Variables"] | found["Environment"]["Variables"]
        return FunctionDefinition(
            handler=found["Handler"],
            memory_mb=int(found["MemorySize"]),
            timeout_seconds=int(found["Timeout"]),
            environment={key: str(value) for key, value in variables.items()},
        )

    def routes(self) -> list[tuple[str, str]]:
        """Return the API's routes, each as method in capitals and path."""
        events = self.properties("ScoreFunction")["Events"].values()
        return [
            (event["Properties"]["Method"].upper(), event["Properties"]["Path"])
            for event in events
            if event["Type"] == "Api"
        ]

    def gateway_response(self, name: str) -> GatewayResponse:
        """Return a gateway response by its type, such as ``REQUEST_TOO_LARGE``."""
        found = self.properties("Api")["GatewayResponses"][name]
        headers = found["ResponseParameters"]["Headers"]
        return GatewayResponse(
            status=int(found["StatusCode"]),
            # API Gateway wants literal values in single quotes.
            headers={key: value.strip("'") for key, value in headers.items()},
            body=found["ResponseTemplates"]["application/json"],
        )

    def _resolve(self, content: Any) -> Any:
        if isinstance(content, _Intrinsic):
            return self._value(content)
        if isinstance(content, dict):
            found = {key: self._resolve(value) for key, value in content.items()}
            return {key: value for key, value in found.items() if value is not _NO_VALUE}
        if isinstance(content, list):
            return [self._resolve(value) for value in content]
        return content

    def _value(self, intrinsic: _Intrinsic) -> Any:
        name, content = intrinsic.name, intrinsic.content
        if name == "Ref":
            return self._values.get(content, content)
        if name == "Sub" and isinstance(content, str):
            return _VARIABLE.sub(lambda found: str(self._values.get(found[1], found[1])), content)
        if name == "GetAtt":
            return content.split(".")[0]
        if name == "If":
            condition, if_true, if_false = content
            return self._resolve(if_true if self._holds(self._conditions[condition]) else if_false)
        if name == "Join":
            separator, parts = content
            # The default of a list parameter is one string.
            parts = self._resolve(parts)
            return separator.join(parts if isinstance(parts, list) else [parts])
        raise NotImplementedError(f"!{name} of template.yaml can't be resolved here; add it to {__name__}.")

    def _holds(self, condition: _Intrinsic) -> bool:
        if condition.name == "Not":
            return not self._holds(condition.content[0])
        if condition.name == "Equals":
            # CloudFormation compares parameters as text.
            first, second = (str(self._resolve(value)) for value in condition.content)
            return first == second
        raise NotImplementedError(f"Condition !{condition.name} can't be evaluated; add it to {__name__}.")


@dataclass(frozen=True, slots=True)
class _Intrinsic:
    """A CloudFormation function in its short YAML form, such as ``!Ref``."""

    name: str
    content: Any


class _Loader(yaml.SafeLoader):
    """YAML loader that knows CloudFormation's tags."""


def _construct(loader: _Loader, name: str, node: yaml.Node) -> _Intrinsic:
    if isinstance(node, yaml.ScalarNode):
        return _Intrinsic(name, loader.construct_scalar(node))
    if isinstance(node, yaml.SequenceNode):
        return _Intrinsic(name, loader.construct_sequence(node, deep=True))
    assert isinstance(node, yaml.MappingNode)
    return _Intrinsic(name, loader.construct_mapping(node, deep=True))


_Loader.add_multi_constructor("!", _construct)

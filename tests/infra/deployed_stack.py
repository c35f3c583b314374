"""The transformed template with all parameters and references resolved, as CloudFormation would deploy it."""

from __future__ import annotations

import copy
import re
from typing import Any, Final

ACCOUNT: Final = "123456789012"
REGION: Final = "eu-west-1"
STACK: Final = "churn-test"

Resource = dict[str, Any]

_NO_VALUE: Final = object()
_VARIABLE: Final = re.compile(r"\$\{([^}!]+)\}")
_ARNS: Final = {
    "AWS::S3::Bucket": "arn:aws:s3:::{BucketName}",
    "AWS::SQS::Queue": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{{QueueName}}",
    "AWS::SNS::Topic": f"arn:aws:sns:{REGION}:{ACCOUNT}:{{TopicName}}",
    "AWS::Logs::LogGroup": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{{LogGroupName}}:*",
    "AWS::Lambda::Function": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{{name}}",
    "AWS::IAM::Role": f"arn:aws:iam::{ACCOUNT}:role/{{name}}",
    "AWS::Events::Rule": f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{{name}}",
}
_NAMES: Final = {
    "AWS::S3::Bucket": "BucketName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::Events::Rule": "Name",
}


class DeployedStack:
    """One stack of the template.

    Parameters
    ----------
    template : dict
        After the SAM transform.
    parameters : dict
        Values by name; the defaults apply to all others.
    """

    def __init__(self, template: dict[str, Any], parameters: dict[str, str] | None = None) -> None:
        self._template = template
        declared = template["Parameters"]
        given = parameters or {}
        assert set(given) <= set(declared), set(given) - set(declared)
        self.parameters: dict[str, Any] = {
            name: given.get(name, parameter.get("Default")) for name, parameter in declared.items()
        }
        lists = {name for name, parameter in declared.items() if parameter["Type"] == "CommaDelimitedList"}
        self._values: dict[str, Any] = {
            name: value.split(",") if name in lists else value for name, value in self.parameters.items()
        } | {
            "AWS::StackName": STACK,
            "AWS::AccountId": ACCOUNT,
            "AWS::Region": REGION,
            "AWS::Partition": "aws",
            "AWS::URLSuffix": "amazonaws.com",
            "AWS::NoValue": _NO_VALUE,
        }
        self.resources: dict[str, Resource] = {
            name: self._resolve(copy.deepcopy(resource))
            for name, resource in template["Resources"].items()
            if "Condition" not in resource or self.holds(resource["Condition"])
        }

    def holds(self, condition: str) -> bool:
        """Return whether a condition of the template is true."""
        return bool(self._resolve(self._template["Conditions"][condition]))

    def broken_rules(self) -> list[str]:
        """Return the messages with which CloudFormation would refuse the parameters."""
        return [
            assertion["AssertDescription"]
            for rule in self._template["Rules"].values()
            if self._resolve(rule["RuleCondition"])
            for assertion in rule["Assertions"]
            if not self._resolve(assertion["Assert"])
        ]

    def of_type(self, kind: str) -> dict[str, dict[str, Any]]:
        """Return the properties of all resources of a type."""
        return {name: r["Properties"] for name, r in self.resources.items() if r["Type"] == kind}

    def the(self, kind: str) -> dict[str, Any]:
        """Return the properties of the only resource of a type."""
        (found,) = self.of_type(kind).values()
        return found

    def properties(self, name: str) -> dict[str, Any]:
        """Return a resource's properties."""
        found: dict[str, Any] = self.resources[name]["Properties"]
        return found

    def statements(self, role: str) -> list[dict[str, Any]]:
        """Return the statements of a role's policies."""
        policies = self.properties(role).get("Policies", [])
        return [statement for policy in policies for statement in policy["PolicyDocument"]["Statement"]]

    def arn(self, name: str) -> str:
        """Return a resource's ARN."""
        return str(self._attribute(name, "Arn"))

    def physical_name(self, name: str) -> str:
        """Return what `Ref` gives for a resource, in most cases its name."""
        return str(self._reference(name))

    def without(self, name: str) -> dict[str, Resource]:
        """Return all resources except one."""
        return {other: resource for other, resource in self.resources.items() if other != name}

    def _resolve(self, content: Any) -> Any:
        if isinstance(content, list):
            return [value for one in content if (value := self._resolve(one)) is not _NO_VALUE]
        if not isinstance(content, dict):
            return content
        if len(content) == 1:
            ((function, argument),) = content.items()
            if function in ("Ref", "Condition") or function.startswith("Fn::"):
                return self._call(function.removeprefix("Fn::"), argument)
        found = {key: self._resolve(value) for key, value in content.items()}
        return {key: value for key, value in found.items() if value is not _NO_VALUE}

    def _call(self, function: str, argument: Any) -> Any:
        match function:
            case "Ref":
                return self._reference(argument)
            case "Condition":
                # In a policy, a condition is an ordinary member.
                return (
                    self.holds(argument) if isinstance(argument, str) else {function: self._resolve(argument)}
                )
            case "GetAtt":
                name, attribute = argument if isinstance(argument, list) else argument.split(".", 1)
                return self._attribute(name, attribute)
            case "Sub":
                return self._substituted(argument)
            case "If":
                condition, if_true, if_false = argument
                return self._resolve(if_true if self.holds(condition) else if_false)
            case "Join":
                separator, parts = argument
                return separator.join(self._resolve(parts))
            case "Equals" | "Not" | "And" | "Or":
                return self._truth(function, argument)
        raise NotImplementedError(f"Fn::{function} can't be resolved; add it to {__name__}.")

    def _truth(self, function: str, argument: list[Any]) -> bool:
        values = [self._resolve(one) for one in argument]
        if function == "Equals":
            # CloudFormation compares parameters as text.
            return str(values[0]) == str(values[1])
        if function == "Not":
            return not values[0]
        return all(values) if function == "And" else any(values)

    def _substituted(self, argument: Any) -> str:
        text, more = argument if isinstance(argument, list) else (argument, {})
        own = {name: self._resolve(value) for name, value in more.items()}

        def value(match: re.Match[str]) -> str:
            name = match[1]
            if name in own:
                return str(own[name])
            resource, _, attribute = name.partition(".")
            return str(self._attribute(resource, attribute) if attribute else self._reference(name))

        return _VARIABLE.sub(value, text)

    def _reference(self, name: str) -> Any:
        if name in self._values:
            return self._values[name]
        resource = self._template["Resources"][name]
        kind = resource["Type"]
        if _NAMES.get(kind) in resource.get("Properties", {}):
            return self._resolve(resource["Properties"][_NAMES[kind]])
        if kind == "AWS::SQS::Queue":
            return f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{self._attribute(name, 'QueueName')}"
        if kind == "AWS::SNS::Topic":
            return self._attribute(name, "Arn")
        if kind in ("AWS::Lambda::Version", "AWS::Lambda::Alias"):
            properties = resource["Properties"]
            function = self._attribute(properties["FunctionName"]["Ref"], "Arn")
            return f"{function}:{properties.get('Name', '1')}"
        return f"{STACK}-{name}"

    def _attribute(self, name: str, attribute: str) -> Any:
        resource = self._template["Resources"][name]
        kind, properties = resource["Type"], resource.get("Properties", {})
        if attribute in properties:
            return self._resolve(properties[attribute])
        if attribute == "Arn":
            known = _ARNS.get(kind, f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:{kind}/{{name}}")
            member = re.search(r"\{(\w+Name)\}", known)
            own = {member[1]: self._resolve(properties[member[1]])} if member else {}
            named = self._resolve(properties.get(_NAMES.get(kind, ""), f"{STACK}-{name}"))
            return known.format(name=named, **own)
        return f"{STACK}-{name}.{attribute}"

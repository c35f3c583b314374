"""Change each property of the functions with an alias, one at a time, and print the names of their versions.

Runs in the SAM environment: `.sam-venv/bin/python -m tests.infra.template.version_names TEMPLATE`.
For each function, it prints the logical id of the version with nothing changed (under ""), and with each
property changed.
"""

from __future__ import annotations

import copy
import json
import os
import sys
from pathlib import Path
from typing import Any

from samcli.yamlhelper import yaml_parse
from samtranslator.translator.transform import transform

from tests.infra.template.transform_template import NoManagedPolicies


def version_name(template: dict[str, Any], function: str) -> str:
    """Return the logical id of a function's version after the transform."""
    resources = transform(copy.deepcopy(template), {}, NoManagedPolicies())["Resources"]
    (name,) = (
        name
        for name, resource in resources.items()
        if resource["Type"] == "AWS::Lambda::Version"
        and resource["Properties"]["FunctionName"] == {"Ref": function}
    )
    return str(name)


def changed(value: Any) -> Any:
    """Return another value of the same form; of a list or a mapping, the first member is changed."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, str):
        return f"{value}x"
    if isinstance(value, list):
        return [changed(value[0]), *value[1:]]
    first = next(iter(value))
    return value | {first: changed(value[first])}


def main() -> None:
    """Change and print."""
    template = yaml_parse(Path(sys.argv[1]).read_text(encoding="utf-8"))
    os.environ.setdefault("AWS_DEFAULT_REGION", "eu-west-1")
    functions = {n: r for n, r in template["Resources"].items() if r["Type"] == "AWS::Serverless::Function"}
    shared = template["Globals"]["Function"]
    found: dict[str, dict[str, str]] = {}
    for name, function in functions.items():
        if "AutoPublishAlias" not in function["Properties"]:
            continue
        properties = {key: value for key, value in function["Properties"].items() if key != "Events"}
        properties["CodeUri"] = "s3://bucket/key"
        # Neither deployments nor other resources are needed to name a version.
        properties.pop("DeploymentPreference", None)
        whole = {key: value for key, value in template.items() if key not in ("Resources", "Outputs")}
        names = {"": version_name(whole | {"Resources": {name: function | {"Properties": properties}}}, name)}
        for key in [*properties, *shared]:
            if key in ("AutoPublishAlias", "AutoPublishAliasAllProperties", "VersionDescription"):
                continue
            other = copy.deepcopy(properties | {key: changed(properties.get(key, shared.get(key)))})
            names[key] = version_name(whole | {"Resources": {name: function | {"Properties": other}}}, name)
        found[name] = names
    print(json.dumps(found))


if __name__ == "__main__":
    main()

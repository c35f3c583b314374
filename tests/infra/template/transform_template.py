"""Print template.yaml as CloudFormation sees it after the SAM transform; offline, without credentials.

Runs in the SAM environment: `.sam-venv/bin/python transform_template.py TEMPLATE [NAME=VALUE ...]`.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from samcli.yamlhelper import yaml_parse
from samtranslator.translator.transform import transform


class NoManagedPolicies:
    """A lookup of managed policies without IAM; the template uses none."""

    def load(self) -> dict[str, str]:
        """Return no policies."""
        return {}


def main() -> None:
    """Transform and print."""
    path, *assignments = sys.argv[1:]
    template = yaml_parse(Path(path).read_text(encoding="utf-8"))
    for resource in template["Resources"].values():
        for name in {"CodeUri", "DefinitionUri"} & set(resource.get("Properties", {})):
            resource["Properties"][name] = "s3://bucket/key"
    # Only the given parameters are filled in; stack name, account and region stay references.
    parameters = dict(assignment.split("=", 1) for assignment in assignments)
    os.environ.setdefault("AWS_DEFAULT_REGION", "eu-west-1")
    print(json.dumps(transform(template, parameters, NoManagedPolicies()), indent=1))


if __name__ == "__main__":
    main()

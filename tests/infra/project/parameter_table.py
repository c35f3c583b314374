"""The table of parameters in docs/deploy.md; `python -m tests.infra.project.parameter_table` writes it."""

from __future__ import annotations

from typing import Any, Final

from tests.generated_block import replace_block
from tests.infra.template_reader import REPOSITORY, transformed

PAGE: Final = REPOSITORY / "docs" / "deploy.md"
COMMAND: Final = "python -m tests.infra.project.parameter_table"


def table(template: dict[str, Any]) -> str:
    """Return the table of all parameters, one part for each group."""
    parts = []
    for group in template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]:
        rows = [_row(name, template["Parameters"][name]) for name in group["Parameters"]]
        label = group["Label"]["default"]
        heading = f"| {label} | allowed values | default | effect |\n| --- | --- | --- | --- |\n"
        parts.append(heading + "".join(rows))
    return "\n".join(parts)


def _row(name: str, parameter: dict[str, Any]) -> str:
    default = parameter["Default"]
    shown = f"`{default}`" if default != "" else "empty"
    return f"| `{name}` | {_allowed_values(parameter)} | {shown} | {parameter['Description']} |\n"


def _allowed_values(parameter: dict[str, Any]) -> str:
    if "AllowedValues" in parameter:
        return ", ".join(f"`{value}`" for value in parameter["AllowedValues"])
    if parameter["Type"] == "Number":
        return f"{parameter['MinValue']:,} to {parameter['MaxValue']:,}"
    if parameter["Type"] == "CommaDelimitedList":
        return "a list, separated by commas"
    return "text"


def page_with_table() -> str:
    """Return the page with its table as the template has it now."""
    return replace_block(PAGE.read_text(encoding="utf-8"), COMMAND, table(transformed()))


if __name__ == "__main__":
    PAGE.write_text(page_with_table(), encoding="utf-8")

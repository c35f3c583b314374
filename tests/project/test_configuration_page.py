"""docs/configuration.md lists the keys, types and defaults of the code, and its environment variables."""

from __future__ import annotations

import json
import re
import subprocess
from typing import TYPE_CHECKING, Any, Final, get_args

import pytest

from churn_core import (
    column_specs,
    config,
    decision_settings,
    model_settings,
    output_settings,
    reader_settings,
)
from churn_core.reader_rules import NUMBER_SIGNS
from tests import write_proof
from tests.e2e.page_blocks import ROOT

if TYPE_CHECKING:
    from pydantic import BaseModel

PAGE: Final = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
SECTIONS: Final[dict[str, type[BaseModel]]] = {
    "`project`": config.ProjectSettings,
    "`reader`": reader_settings.ReaderSettings,
    "`data`": config.DataSettings,
    "`data.target`": column_specs.TargetSpec,
    "Number columns": column_specs.NumberSpec,
    "Category columns": column_specs.CategorySpec,
    "`model`": model_settings.ModelSettings,
    "`evaluation`": model_settings.EvaluationSettings,
    "`decision`": decision_settings.DecisionSettings,
    "`decision.risk_bands`": decision_settings.RiskBands,
    "`output`": output_settings.OutputSettings,
    "`api`": config.ApiSettings,
}
DERIVED: Final[dict[str, type[BaseModel]]] = {
    "ratio": column_specs.RatioSpec,
    "difference": column_specs.DifferenceSpec,
    "sum": column_specs.SumSpec,
    "count": column_specs.CountSpec,
    "bucket": column_specs.BucketSpec,
    "days_between": column_specs.DaysBetweenSpec,
}
SHIPPED: Final = (
    "churn_core",
    "functions",
    "infra",
    "benchmarks",
    "template.yaml",
    "compose.yaml",
    "Makefile",
)


def table(heading: str) -> dict[str, list[str]]:
    """Return the other cells of the rows below a heading, by the first cell without its backticks."""
    section = re.split(r"^#+ ", PAGE.partition(f"# {heading}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]
    rows = re.findall(r"^\| `([^`]+)` \|(.*)\|$", section, re.MULTILINE)
    return {key: [cell.strip() for cell in rest.split("|")] for key, rest in rows}


def default_of(model: type[BaseModel], key: str) -> str:
    """Return a default as the page shows it."""
    field = model.model_fields[key]
    if (model, key) == (decision_settings.DecisionSettings, "threshold"):
        return "`f1`"
    if field.is_required():
        return "required"
    value: Any = field.get_default(call_default_factory=True)
    if value is None:
        return "none"
    text = json.dumps(value) if isinstance(value, bool | dict | tuple) else str(value)
    return f"`{text}`"


def options_of(annotation: Any) -> list[str]:
    """Return the values of the literals in a type."""
    if isinstance(annotation, str):
        return [annotation]
    return [option for part in get_args(annotation) for option in options_of(part)]


@pytest.mark.parametrize("heading", SECTIONS)
def test_the_keys_of_a_section_are_those_of_the_code(heading: str) -> None:
    assert sorted(table(heading)) == sorted(SECTIONS[heading].model_fields)


@pytest.mark.parametrize("heading", SECTIONS)
def test_defaults_and_options_are_those_of_the_code(heading: str) -> None:
    model = SECTIONS[heading]
    for key, (kind, default, *_) in table(heading).items():
        if key != "risk_bands":
            assert default.startswith(default_of(model, key)), key
        for option in options_of(model.model_fields[key].annotation):
            assert f"`{option}`" in kind, key


def test_the_signs_are_those_of_the_code() -> None:
    (line,) = [line for line in PAGE.splitlines() if line.startswith("Known signs")]
    assert tuple(re.findall("`(.+?)`", line)) == NUMBER_SIGNS


def test_the_sections_are_those_of_the_code() -> None:
    assert {f"`{name}`" for name in config.Settings.model_fields} <= set(SECTIONS)


def test_the_kinds_of_derived_columns_are_those_of_the_code() -> None:
    listed = table("Derived columns")
    assert set(listed) == set(DERIVED) == set(options_of_kinds())
    for kind, (keys, _) in listed.items():
        fields = DERIVED[kind].model_fields.items()
        known = {field.alias or name for name, field in fields} - {"kind"}
        assert set(re.findall(r"`([^`]+)`", keys)) == known


def options_of_kinds() -> list[str]:
    specs: tuple[Any, ...] = get_args(get_args(column_specs.DerivedSpec)[0])
    return [option for spec in specs for option in options_of(spec.model_fields["kind"].annotation)]


def variables(*paths: str) -> set[str]:
    """Return the environment variables that files of the project name."""
    found = subprocess.run(
        ["git", "grep", "-ohE", r"\bCHURN_[A-Z0-9_]*[A-Z0-9]\b", "--", *paths],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(found.stdout.split())


def test_the_environment_variables_are_those_of_the_code() -> None:
    first, _, second = PAGE.partition("## Environment variables")[2].partition("Tests read these.")
    listed = set(re.findall(r"^\| `(CHURN_\w+)` \|", first, re.MULTILINE))
    of_tests = set(re.findall(r"^\| `(CHURN_\w+)` \|", second, re.MULTILINE))
    assert variables(*SHIPPED) - of_tests == listed
    of_proofs = {name for settings in write_proof.PROOFS.values() for name in settings}
    of_proofs |= {"CHURN_PROOF_FIGURES"}
    assert variables("tests") - listed - (of_proofs - of_tests) == of_tests

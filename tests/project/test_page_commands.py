"""Commands of pages that the tests cannot run: each command, option, target and module exists."""

from __future__ import annotations

import re
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from tests.e2e.page_blocks import ROOT, pages, shell_blocks
from tests.infra.project.project_commands import churn_options, make_targets

if TYPE_CHECKING:
    from pathlib import Path

_CHURN = re.compile(r"(?:^|[\s/])churn ([a-z]+)\b([^\n|;&#]*)", re.MULTILINE)
_MAKE = re.compile(r"(?:^|&& )make ((?:[a-z-]+ ?)+)", re.MULTILINE)
_MODULE = re.compile(r"python -m ([\w.]+)")


def problems(commands: str) -> list[str]:
    """Return what the commands name and the project does not have."""
    commands = commands.replace("\\\n", "")
    found = []
    for command, rest in _CHURN.findall(commands):
        try:
            unknown = set(re.findall(r"--[a-z-]+", rest)) - churn_options(command)
        except KeyError:
            found.append(f"churn {command}")
        else:
            found += [f"churn {command} {option}" for option in sorted(unknown)]
    for words in _MAKE.findall(commands):
        found += [f"make {target}" for target in words.split() if target not in make_targets()]
    return found + [f"python -m {name}" for name in _MODULE.findall(commands) if find_spec(name) is None]


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_that_are_not_run_exist(page: Path) -> None:
    assert problems("\n".join(content for _, content in shell_blocks(page.read_text(encoding="utf-8")))) == []


@pytest.mark.parametrize(
    "command",
    ["churn fly", "churn score --wings", "make wings", ".venv/bin/python -m benchmarks.wings"],
)
def test_a_command_that_does_not_exist_is_found(command: str) -> None:
    assert len(problems(command)) == 1

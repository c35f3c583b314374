"""CONTRIBUTING.md, `make help` and the pre-commit hooks say what is there."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.project.import_graph import COMMAND, PAGE, page_with_graph, room_imports, without_implied

REPOSITORY: Final = Path(__file__).resolve().parents[2]
TEXT: Final = PAGE.read_text(encoding="utf-8")
MAKEFILE: Final = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
WORDS: Final = re.findall(r"^\.PHONY: (.+)$", MAKEFILE, re.M)[0].split()


def test_the_graph_of_imports_is_current() -> None:
    assert page_with_graph() == TEXT, f"run '{COMMAND}'"


def test_an_arrow_is_left_out_only_where_others_imply_it() -> None:
    assert without_implied({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == {"a": {"b"}, "b": {"c"}, "c": set()}
    assert "churn_core.schema" in room_imports()["churn_core.data"]


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`([\w.]+/[\w./]*\w)`", TEXT))))
def test_each_path_exists(path: str) -> None:
    assert (REPOSITORY / path).exists()


@pytest.mark.parametrize("word", sorted(set(re.findall(r"(?:^|`)make ([a-z][a-z-]+)", TEXT, re.M))))
def test_each_target_of_make_exists(word: str) -> None:
    assert word in WORDS


def test_make_help_lists_every_target() -> None:
    done = subprocess.run(
        ["make", "--no-print-directory", "help"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    listed = {line.split()[1]: line.split(maxsplit=2)[2] for line in done.stdout.splitlines()}
    assert set(listed) == set(WORDS)
    assert all(listed.values())


def hooks() -> list[dict[str, Any]]:
    content = yaml.safe_load((REPOSITORY / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    return [hook for repo in content["repos"] for hook in repo["hooks"]]


@pytest.mark.parametrize("hook", hooks(), ids=lambda hook: str(hook["id"]))
def test_each_hook_starts_a_tool_of_the_locks(hook: dict[str, Any]) -> None:
    tool = REPOSITORY / hook["entry"].split()[0]
    assert tool.exists()
    done = subprocess.run([tool, "--version"], capture_output=True, check=False)
    assert done.returncode == 0


def test_dependabot_watches_actions_python_and_images() -> None:
    content = yaml.safe_load((REPOSITORY / ".github" / "dependabot.yml").read_text(encoding="utf-8"))
    assert {update["package-ecosystem"] for update in content["updates"]} == {
        "github-actions",
        "pip",
        "docker",
    }

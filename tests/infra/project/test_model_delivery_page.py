"""docs/model-delivery.md: what it names exists, and commands that need an account show no output."""

from __future__ import annotations

import re
import shlex
from typing import Final

import yaml

from infra.build.package_functions import BATCH_LIMIT, LAMBDA_LIMIT, SCORE_LIMIT
from tests.infra.project.project_commands import churn_options, make_targets
from tests.infra.template_reader import REPOSITORY

PAGE: Final = (REPOSITORY / "docs" / "model-delivery.md").read_text(encoding="utf-8")


def commands() -> list[list[str]]:
    text = "".join(re.findall(r"```sh needs=aws\n(.*?)```", PAGE, re.DOTALL)).replace("\\\n", "")
    return [shlex.split(line) for line in text.splitlines()]


def test_commands_and_options_of_the_page_exist() -> None:
    assert "$ " not in "".join(re.findall(r"```sh needs=aws\n(.*?)```", PAGE, re.DOTALL))
    named = {command[0].rpartition("/")[2] for command in commands()}
    assert named == {"churn", "make", "sam"}
    for command in commands():
        if command[0] == "make":
            targets = [word for word in command[1:] if "=" not in word]
            assert set(targets) <= make_targets()
        if command[0].endswith("/churn"):
            assert {word for word in command if word.startswith("--")} <= churn_options(command[1])


def test_variables_of_the_page_are_defined_in_the_makefiles() -> None:
    makefiles = "".join(
        (REPOSITORY / name).read_text(encoding="utf-8") for name in ("Makefile", "infra/build/Makefile")
    )
    listed = re.findall(r"^\| `([A-Z_]+)` \|", PAGE, re.MULTILINE)
    assert len(listed) == 5
    for name in listed:
        assert re.search(rf"^{name} (\?=|:=)", makefiles, re.MULTILINE), name


def test_size_limits_of_the_page_are_those_of_the_code() -> None:
    for limit in (SCORE_LIMIT, BATCH_LIMIT, LAMBDA_LIMIT):
        assert f"{limit // 1_000_000} MB" in PAGE


def test_licences_of_the_page_are_those_that_may_be_shipped() -> None:
    source = (REPOSITORY / "infra" / "build" / "bill_of_materials.py").read_text(encoding="utf-8")
    (allowed,) = re.findall(
        r"^ALLOWED: Final = frozenset\(\s*\((.*?)\)\s*\)", source, re.DOTALL | re.MULTILINE
    )
    listed = re.sub(r"\s+", " ", PAGE).partition("a name alone: ")[2].partition(". One exception")[0]
    assert listed.split(", ") == re.findall(r'"([^"]+)"', allowed)


def test_parameters_of_the_retraining_stack_are_complete() -> None:
    (retraining,) = (command for command in commands() if "infra/retraining.yaml" in command)
    given = {word.partition("=")[0] for word in retraining if "=" in word}
    text = re.sub(r"![A-Za-z]+", "", (REPOSITORY / "infra" / "retraining.yaml").read_text(encoding="utf-8"))
    parameters = yaml.safe_load(text.partition("Resources:")[0])["Parameters"]
    assert given == {name for name, one in parameters.items() if "Default" not in one}

"""The project's own commands, as files that run them may name them."""

from __future__ import annotations

import argparse
import re

from churn_core.cli import build_parser
from tests.infra.template_reader import REPOSITORY


def make_targets() -> set[str]:
    """Return the targets of the Makefile."""
    text = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z][a-z-]*):(?!=)", text, re.MULTILINE))


def churn_options(command: str) -> set[str]:
    """Return the options of a command of ``churn``, which must exist."""
    (commands,) = (
        action for action in build_parser()._actions if isinstance(action, argparse._SubParsersAction)
    )
    parser: argparse.ArgumentParser = commands.choices[command]
    return {option for action in parser._actions for option in action.option_strings}

"""Call a built function with one event, as ``sam local invoke`` does, but without a container.

Usage: python -m infra.local.invoke EVENT.json [--function NAME] [--model DIR]
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from infra.local.aws.emulator import FunctionUnderEmulator
from infra.local.aws.remote_function import FunctionError
from infra.local.function_build import BuildError, add_model_option, up_to_date_function
from infra.local.template_settings import TemplateSettings
from infra.local.tools import MissingToolError, find_tools

PASSED_ON = ("CHURN_", "AWS_")
"""Variables of the caller that the function gets, by their prefix."""


def main() -> int:
    """Run the command.

    Returns
    -------
    int
        0 if the function answered, 1 if it failed or could not be built, 2 on wrong usage.
    """
    template = TemplateSettings()
    parser = argparse.ArgumentParser(prog="make invoke")
    parser.add_argument("event", type=Path, help="JSON file with the event")
    parser.add_argument("--function", choices=sorted(template.functions), help="default: chosen by the event")
    add_model_option(parser)
    options = parser.parse_args()
    try:
        event = json.loads(options.event.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        parser.error(
            f"{options.event} can't be read as JSON ({type(error).__name__}); set EVENT to a file of events/."
        )
    function = options.function or _function_for(event)
    try:
        tools = find_tools()
        folder = up_to_date_function(function, tools, options.model)
    except (MissingToolError, BuildError) as error:
        print(error, file=sys.stderr)
        return 1
    variables = {name: value for name, value in os.environ.items() if name.startswith(PASSED_ON)}
    with FunctionUnderEmulator(folder, template.function(function).handler, variables, tools) as running:
        try:
            answer = running.invoke(event)
        except FunctionError as error:
            print(error, file=sys.stderr)
            return 1
        print(json.dumps(_with_parsed_body(answer), indent=1, ensure_ascii=False))
        print(f"{function}: started in {running.init_milliseconds:.0f} ms", file=sys.stderr)
    return 0


def _function_for(event: Any) -> str:
    """Return the function that takes events of this shape; the score function if it is of no known one."""
    keys = set(event) if isinstance(event, dict) else set()
    if "step" in keys:
        return "BackfillFunction"
    return "BatchFunction" if {"Records", "backfill"} & keys else "ScoreFunction"


def _with_parsed_body(answer: Any) -> Any:
    """Return an answer whose body is the JSON value instead of its text."""
    try:
        return answer | {"body": json.loads(answer["body"])}
    except (KeyError, ValueError, TypeError):
        return answer


if __name__ == "__main__":
    sys.exit(main())

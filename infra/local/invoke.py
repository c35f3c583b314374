"""Hand an event to a built function, as ``sam local invoke`` would inside its container.

Usage: invoke.py EVENT.json [--function NAME] [--model DIR]
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from infra.local.emulator import FunctionError, FunctionUnderEmulator, MissingToolError, find_tools
from infra.local.function_build import HANDLERS, BuildError, up_to_date_function

PASSED_ON = ("CHURN_", "AWS_")


def main() -> int:
    """Invoke; return 0 if the function answered, 1 if it failed, 2 on wrong usage."""
    parser = argparse.ArgumentParser(prog="invoke")
    parser.add_argument("event", type=Path, help="what the function is called with, as JSON")
    parser.add_argument("--function", choices=sorted(HANDLERS), help="by default as the event shows")
    parser.add_argument("--model", type=Path, default=Path("models/churn"), help="bundle to build in")
    options = parser.parse_args()
    try:
        event = json.loads(options.event.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        parser.error(f"{options.event} holds no event ({type(error).__name__}); name a file of events/.")
    if not (options.model / "manifest.json").exists():
        parser.error(f"There is no model in {options.model}; run 'make demo', or set MODEL to a bundle.")
    function = options.function or _function_of(event)
    try:
        tools = find_tools()
        folder = up_to_date_function(function, tools, options.model)
    except (MissingToolError, BuildError) as error:
        print(error, file=sys.stderr)
        return 1
    variables = {name: value for name, value in os.environ.items() if name.startswith(PASSED_ON)}
    with FunctionUnderEmulator(folder, HANDLERS[function], variables, tools) as running:
        try:
            answer = running.invoke(event)
        except FunctionError as error:
            print(error, file=sys.stderr)
            return 1
        print(json.dumps(_readable(answer), indent=1, ensure_ascii=False))
        print(f"{function}: started in {running.init_milliseconds:.0f} ms", file=sys.stderr)
    return 0


def _function_of(event: dict[str, Any]) -> str:
    """Return which function takes such events."""
    if "step" in event:
        return "BackfillFunction"
    return "BatchFunction" if {"Records", "backfill"} & set(event) else "ScoreFunction"


def _readable(answer: dict[str, Any]) -> dict[str, Any]:
    """Show the body as the JSON that it is, instead of as text in text."""
    try:
        return answer | {"body": json.loads(answer["body"])}
    except (KeyError, ValueError, TypeError):
        return answer


if __name__ == "__main__":
    sys.exit(main())

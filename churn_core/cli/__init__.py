"""The command ``churn``.

Commands import what they need when they run, so ``churn --help`` and ``churn predict`` need only numpy and
onnxruntime. Installed packages add commands with the entry-point group ``churn.commands``.
"""

from __future__ import annotations

import argparse
import os
import sys
from importlib.metadata import entry_points
from importlib.util import find_spec
from itertools import takewhile
from typing import TYPE_CHECKING, Any, NoReturn

from churn_core import __version__
from churn_core.cli import (
    campaign_command,
    data_commands,
    init_command,
    model_commands,
    outcomes_command,
    report_command,
)
from churn_core.cli.early_checks import check_inputs, usage_message
from churn_core.cli.output import flush_output, print_text, refuse_reading_own_output, report_error
from churn_core.cli.scoring import drift_commands, scoring_commands
from churn_core.cli.stopping import Stop, stop_signals
from churn_core.cli.streams import open_streams
from churn_core.errors import ChurnError, ConfigError
from churn_core.scoring.memory_faults import is_out_of_memory

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.metadata import EntryPoint

    from _typeshed import SupportsWrite

DONE, FAULT, USAGE, INTERRUPTED = 0, 1, 2, 130

_EXTRA_OF_MODULE = {
    **dict.fromkeys(("duckdb", "arro3"), "batch"),
    **dict.fromkeys(("boto3", "botocore"), "aws"),
    **dict.fromkeys(("uvicorn", "httptools", "uvloop", "aws_lambda_powertools"), "api"),
}


class _Parser(argparse.ArgumentParser):
    words: Sequence[str] = ()
    """The command line, of the parser of all commands."""

    def error(self, message: str) -> NoReturn:
        message = usage_message(message, self._known(message))
        report_error(f"{message}; see '{self.prog} --help'.", as_json=False)
        sys.exit(USAGE)

    def _known(self, message: str) -> list[str]:
        """Return the commands, or the options of the command that was given."""
        names: list[str] = []
        for action in self._actions:
            parsers: dict[str, argparse.ArgumentParser] = (
                action.choices if isinstance(action, argparse._SubParsersAction) else {}
            )
            given = next((word for word in self.words if word in parsers), None)
            names += action.option_strings
            if given is None:
                names += parsers
            elif "unrecognized" in message:
                names += [o for inner in parsers[given]._actions for o in inner.option_strings]
        return names

    def _print_message(self, message: str, file: SupportsWrite[str] | None = None) -> None:  # noqa: ARG002
        # argparse ignores that help, or the version, can't be written.
        print_text(message.removesuffix("\n"))


def build_parser() -> _Parser:
    """Build the parser of all commands."""
    parser = _Parser(
        prog="churn", description="Predict which customers will leave, why, and whom to contact."
    )
    parser.add_argument("--version", action="version", version=f"churn {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True, parser_class=_Parser)
    for module in (
        init_command,
        data_commands,
        model_commands,
        report_command,
        scoring_commands,
        drift_commands,
        campaign_command,
        outcomes_command,
    ):
        module.add_commands(commands)
    for entry_point in entry_points(group="churn.commands"):
        _load_commands(entry_point)(commands)
    return parser


def _load_commands(entry_point: EntryPoint) -> Callable[[Any], None]:
    """Return the function by which an installed package adds its commands.

    Raises
    ------
    ConfigError
        If the package is missing, or another one of the same name is found: `functions` is a common name.
    """
    try:
        add_commands: Callable[[Any], None] = entry_point.load()
    except (ImportError, AttributeError) as error:
        package = entry_point.module.partition(".")[0]
        found = find_spec(package)
        if found is None:
            raise ConfigError(
                f"The package '{package}' of churn-stack is missing; install churn-stack again."
            ) from error
        place = found.origin or next(iter(found.submodule_search_locations or []), "an unknown path")
        raise ConfigError(
            f"Another package named '{package}', at {place}, hides that of churn-stack; uninstall it, or"
            " install churn-stack into an environment of its own."
        ) from error
    return add_commands


def _parse(words: Sequence[str]) -> argparse.Namespace:
    parser = build_parser()
    parser.words = words
    if words.count("--") > 1:
        # argparse would give the command an empty list for the second one (Python 3.11).
        parser.error("'--' may stand only once")
    for word in takewhile(lambda word: word != "--", words):
        if word.startswith("-") and word.endswith("=--"):
            # argparse would give the command an empty list for this one too.
            option = word.removesuffix("=--")
            parser.error(f"argument {option}: '--' can't be its value; write a file of that name as './--'")
    return parser.parse_args(words)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    0 is done, 1 an error, 2 wrong usage, 130 the end after Ctrl-C, SIGTERM or SIGHUP.
    """
    open_streams()
    with stop_signals() as stop:
        try:
            return _run(arguments, stop)
        except KeyboardInterrupt as interrupt:
            report_error(str(interrupt) or "Interrupted; nothing was written.", as_json=False)
            return INTERRUPTED


def _run(arguments: Sequence[str] | None, stop: Stop) -> int:
    as_json = False
    try:
        try:
            options = _parse(sys.argv[1:] if arguments is None else arguments)
            as_json = bool(getattr(options, "json", False))
            refuse_reading_own_output(vars(options).values())
            check_inputs(options)
            options.run(options)
            flush_output()
        except SystemExit:
            flush_output()
            raise
        except Exception:
            if stop.requested:
                # Some libraries turn the interruption into an error of their own, such as ImportError.
                raise KeyboardInterrupt from None
            raise
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else USAGE
    except Exception as error:
        expected = _expected_fault(error)
        if expected is None and os.environ.get("CHURN_DEBUG"):
            raise
        # The message of a bug may hold a customer's values, so neither it nor a traceback is shown.
        bug = f"Unexpected {type(error).__name__}, a bug in churn; set CHURN_DEBUG=1 to see where."
        report_error(expected or bug, as_json=as_json)
        return FAULT
    return DONE


def _expected_fault(error: Exception) -> ChurnError | str | None:
    """Return what to report of an error; None for a bug in churn."""
    if isinstance(error, ChurnError):
        return error
    if isinstance(error, ModuleNotFoundError):
        extra = _EXTRA_OF_MODULE.get((error.name or "").partition(".")[0], "train")
        return f"This command needs more: pip install 'churn-stack[{extra}]'."
    if is_out_of_memory(error):
        return "Not enough memory; use fewer rows or a larger machine."
    return None

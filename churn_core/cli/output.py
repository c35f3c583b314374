"""The output of commands: results on stdout, progress and errors on stderr."""

from __future__ import annotations

import json
import os
import re
import stat
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from churn_core.cli.streams import drop
from churn_core.errors import InputFileError, InvalidRecordsError, OutputError
from churn_core.scoring.files.own_inputs import refuse_own_inputs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_LONG_WORD = re.compile(r"\S{300,}")
_LONGEST = 2_000


def refuse_reading_own_output(values: Iterable[Any]) -> None:
    """Refuse to append a command's output to a file that the command reads (``churn predict f >> f``).

    Parameters
    ----------
    values : iterable
        The values of the command line; those that name a file or a folder may be read.

    Raises
    ------
    OutputError
        If stdout or stderr is one of these files.
    """
    reads = [Path(value) for value in values if isinstance(value, (str, Path))]
    for number in (1, 2):
        with suppress(OSError):
            if stat.S_ISREG(os.fstat(number).st_mode):
                refuse_own_inputs(Path(f"/dev/fd/{number}"), reads, "send the output to another file")


def one_line(text: str) -> str:
    """Return a message on one line of readable length: it may quote a file name of any characters."""
    shown = "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)
    shown = _LONG_WORD.sub(lambda word: f"{word[0][:60]}...{word[0][-20:]}", shown)
    return shown if len(shown) <= _LONGEST else f"{shown[: _LONGEST // 2]} ... {shown[-_LONGEST // 2 :]}"


def print_result(content: dict[str, Any] | list[Any], text: str, *, as_json: bool) -> None:
    """Print a result as JSON or as text."""
    print_text(json_text(content) if as_json else text)


def json_text(content: Any) -> str:
    """Return JSON that stdout can print: with JSON's escapes where its encoding lacks a character."""
    text = json.dumps(content, indent=1, ensure_ascii=False)
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return json.dumps(content, indent=1)
    return text


def print_text(text: str) -> None:
    """Print text on stdout.

    Raises
    ------
    OutputError
        As `flush_output`.
    """
    with _written():
        print(text, flush=True)


def flush_output() -> None:
    """Print what is left in the buffer, such as argparse's help.

    A reader that has stopped, such as ``head``, is no error.

    Raises
    ------
    OutputError
        If it can't be printed for another reason, such as a full disk.
    """
    with _written():
        sys.stdout.flush()


@contextmanager
def _written() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        drop(sys.stdout)
    except OSError as error:
        drop(sys.stdout)
        reason = os.strerror(error.errno) if error.errno else "an error of the system"
        raise OutputError(
            f"The result can't be written to stdout ({reason}); send it to another file."
        ) from error


def print_note(text: str) -> None:
    """Print a line on stderr; the command goes on even if nobody reads it."""
    with suppress(OSError):
        print(one_line(text), file=sys.stderr)


def report_error(error: Exception | str, *, as_json: bool) -> None:
    """Print an error on stderr, in one sentence or as JSON."""
    sentence = one_line(str(error))
    try:
        _write_error(error, sentence, as_json=as_json)
    except OSError:
        # Nothing can be reported, but the exit code still says it.
        drop(sys.stderr)


def _write_error(error: Exception | str, sentence: str, *, as_json: bool) -> None:
    if not as_json:
        print_note(f"churn: {sentence}")
        return
    content: dict[str, Any] = {"error": sentence}
    if isinstance(error, InputFileError):
        content["code"] = error.code
    if isinstance(error, InvalidRecordsError):
        content["errors"] = [{"loc": [f.record, f.column], "code": f.code} for f in error.faults]
    with suppress(OSError):
        print(json.dumps(content), file=sys.stderr)

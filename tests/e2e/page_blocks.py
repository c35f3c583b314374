"""Find the blocks of README and the docs that hold commands, and compare what they show.

Three kinds of blocks hold commands:

- ```` ```console ````: each line that begins with ``$ `` is a command; lines that begin with ``> `` continue
  it. The lines up to the next command are its output. A line ``...`` stands for any number of lines.
- ```` ```python ````: a script; a ```` ```text ```` block directly after it is its output.
- ```` ```sh needs=WHAT ````: commands that the tests do not run, because they need WHAT (`NEEDS`). They show
  no output.
"""

from __future__ import annotations

import difflib
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]

NEEDS: Final = {
    "aws": "an AWS account",
    "docker": "a Docker daemon",
    "time": "minutes, or the network",
    "emulator": "a build of the functions; tests/e2e/local runs the command",
}

ELISION: Final = "..."

_BLOCK: Final = re.compile(
    r"^```(console|python)\n(.*?)^```$(?:\n\n```text\n(.*?)^```$)?", re.DOTALL | re.MULTILINE
)
_SHELL: Final = re.compile(r"^```sh ?(.*?)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Step:
    """A command or a script, and the output that the page shows for it.

    Attributes
    ----------
    kind : str
        ``console`` or ``python``.
    command : str
        What to run.
    shown : str
        The output on the page, without the line feed at its end.
    span : tuple of int
        Where the output stands in the page's text.
    """

    kind: str
    command: str
    shown: str
    span: tuple[int, int]


def pages() -> list[Path]:
    """Return all Markdown files of the repository."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [ROOT / name for name in sorted(listed.stdout.splitlines()) if (ROOT / name).exists()]


def steps(text: str) -> list[Step]:
    """Return the commands and scripts of a page, in their order."""
    found = []
    for block in _BLOCK.finditer(text):
        if block[1] == "console":
            found += _console_steps(block[2], block.start(2))
        else:
            span = block.span(3) if block[3] is not None else (block.end(2), block.end(2))
            found.append(Step("python", block[2], (block[3] or "").rstrip("\n"), span))
    return found


def _console_steps(content: str, offset: int) -> list[Step]:
    found = []
    for part in re.finditer(r"^\$ (.*\n(?:> .*\n)*)((?:(?!\$ ).*\n)*)", content, re.MULTILINE):
        command = part[1].replace("\n> ", "\n").rstrip("\n")
        span = (offset + part.start(2), offset + part.end(2))
        found.append(Step("console", command, part[2].rstrip("\n"), span))
    return found


def shell_blocks(text: str) -> list[tuple[str, str]]:
    """Return what follows ``sh`` in the first line of each block that is not run, and its commands."""
    return [(block[1], block[2]) for block in _SHELL.finditer(text)]


def masked(text: str) -> str:
    """Hide figures, versions of models, and the width of columns."""
    text = re.sub(r"(?<=[a-z]-)[0-9a-f]{12}\b", "#", text)
    text = re.sub(r"(?<=model=)[0-9a-f]{12}|\b[0-9a-f]{32,64}\b", "#", text)
    text = re.sub(r"\d[\d,]*(\.\d+)?(e-?\d+)?", "#", text)
    return re.sub(r"[ ─]+", " ", text).strip()


def agrees(shown: str, output: str) -> bool:
    """Whether the output is the one shown, apart from figures and from what the page leaves out."""
    pattern = "".join(
        "(?:.*\n)*?" if line.strip() == ELISION else re.escape(masked(line)) + "\n"
        for line in shown.splitlines()
    )
    return re.fullmatch(pattern, "".join(f"{masked(line)}\n" for line in output.splitlines())) is not None


def updated(shown: str, output: str) -> str:
    """Return the output as the page should show it: what the page leaves out stays left out.

    Raises
    ------
    ValueError
        If a line that the page shows has no counterpart in the output.
    """
    output = "\n".join(line.rstrip() for line in output.splitlines())
    if ELISION not in (line.strip() for line in shown.splitlines()):
        return output
    rest, kept = output.splitlines(), []
    for line in shown.splitlines():
        if line.strip() == ELISION:
            kept.append(line)
            continue
        wanted = masked(line)
        ratios = [difflib.SequenceMatcher(None, wanted, masked(actual)).ratio() for actual in rest]
        if not ratios or max(ratios) < 0.5:
            raise ValueError(f"no line of the output resembles {line!r}")
        place = ratios.index(max(ratios))
        kept.append(rest[place])
        rest = rest[place + 1 :]
    return "\n".join(kept)

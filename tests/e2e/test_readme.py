"""Every command that README shows, run as shown; the output must be the one printed there.

Figures that differ between machines and moments are masked: what is compared is every word and the shape
of every line. Blocks marked as needing an AWS account are not run, and show no output.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from infra.local.child_process import ChildProcess
from infra.local.function_build import environment_without_make

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONSOLE = re.compile(r"```console\n(.*?)```", re.DOTALL)
RUN_BY_MAKE = ("make ",)
# What the commands, `make local` among them, find in the folder where they are run.
OF_THE_PROJECT = (
    *("Makefile", "pyproject.toml", "requirements", ".venv", ".sam-venv"),
    *("benchmarks", "config", "infra"),
)


def _commands() -> list[tuple[str, str]]:
    """List (command, shown output) over all console blocks, in order."""
    pairs = []
    for block in CONSOLE.findall(README):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            pairs.append((command, output.strip()))
    return pairs


def _mask(text: str) -> str:
    """Hide figures, versions of models, and how wide a column is."""
    text = re.sub(r"churn-[0-9a-f]{12}", "churn-#", text)
    text = re.sub(r"\d[\d,]*(\.\d+)?(e-?\d+)?", "#", text)
    return re.sub(r"[ ─]+", " ", text).strip()


def test_readme_shows_commands() -> None:
    assert len(_commands()) >= 8


def test_commands_that_need_an_account_show_no_output() -> None:
    for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL):
        assert "$ " not in block


# It trains several models, and builds both functions.
@pytest.mark.timeout(900)
@pytest.mark.usefixtures("lambda_tools")
def test_every_command_gives_the_output_that_readme_shows(tmp_path: Path) -> None:
    environment = environment_without_make() | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "SOURCE_DATE_EPOCH": "0",
    }
    for name in OF_THE_PROJECT:
        (tmp_path / name).symlink_to(ROOT / name)
    with ExitStack() as servers:
        for command, shown in _commands():
            if command.startswith(RUN_BY_MAKE) and not command.endswith(" &"):
                continue
            if command.startswith("curl ") and shutil.which("curl") is None:
                continue
            if command.endswith(" &"):
                output = _start(
                    command.removesuffix(" &"), len(shown.splitlines()), tmp_path, environment, servers
                )
            else:
                output = _run(command, tmp_path, environment)
            assert _mask(output) == _mask(shown), command


def _run(command: str, folder: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(
        ["bash", "-c", command], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    return (done.stdout + done.stderr).strip()


def _start(command: str, lines: int, folder: Path, environment: dict[str, str], servers: ExitStack) -> str:
    """Start a server that runs until the stack ends; return its first lines."""
    server = servers.enter_context(
        ChildProcess(["bash", "-c", f"exec {command}"], folder=folder, environment=environment)
    )
    server.wait_until(lambda: server.output.count("\n") >= lines)
    return "".join(server.output.splitlines(keepends=True)[:lines]).strip()


@pytest.mark.parametrize("command", [c for c, _ in _commands() if c.startswith(RUN_BY_MAKE)])
def test_every_make_target_that_readme_names_exists(command: str) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    target = command.split()[1]
    assert re.search(rf"^{re.escape(target)}:", makefile, flags=re.MULTILINE)

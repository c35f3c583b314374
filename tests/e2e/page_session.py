"""Run the commands of pages in a working folder, as a reader would."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from typing import Final, Self

from infra.local.child_process import ChildProcess, free_ports
from infra.local.function_build import environment_without_make
from tests.e2e.page_blocks import ROOT, Step, steps

TOUR: Final = (
    "README.md",
    "docs/getting-started.md",
    "docs/scoring-files.md",
    "docs/own-tables.md",
    "docs/tables.md",
    "docs/decisions.md",
    "docs/outcomes.md",
)
"""Pages that are read in this order: they train, and use what the page before has made."""

_PROGRESS: Final = re.compile(r"^.+(?: of [\d,]+ \w+ \(\d+%\), .+| \.\.\. \d+ s)\n", re.MULTILINE)
"""Lines of progress, which a slow machine prints and a fast one does not."""

SAMPLE_PAGES: Final = (
    "docs/monitoring.md",
    "docs/models-and-reasons.md",
    "docs/python.md",
    "docs/online.md",
    "docs/batch.md",
    "notebooks/README.md",
)
"""Pages that need a model but do not train one: each gets the sample bundle of the tests."""

SAMPLE_ROWS: Final = 2_000
COMMAND_SECONDS: Final = 600
"""A guard against a command that hangs."""
SERVED_PAGES: Final = ("docs/batch.md",)
"""Pages that need the tools which build and emulate the functions."""

PROJECT_FILES: Final = (
    *("Makefile", "pyproject.toml", "requirements", ".venv", ".sam-venv"),
    *("benchmarks", "config", "infra"),
)
"""What the commands, `make local` among them, expect in the folder where they run."""

# Commands of several pages whose result does not change: run once.
_RUN_ONCE: Final = ("churn generate ", "churn init ", "churn train ", "python -m benchmarks.churn_tables ")
_PORTS: Final = ("8000", "8080", "4566")


class PageSession:
    """A working folder in which pages are run, with the servers that they start.

    Ports that pages name are replaced by free ones, so that nothing else on the machine disturbs a run.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._environment = environment_without_make() | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "SOURCE_DATE_EPOCH": "0",
        }
        self._ports = dict(zip(_PORTS, map(str, free_ports(len(_PORTS))), strict=True))
        self._outputs: dict[str, str] = {}
        self._pages: dict[str, list[tuple[Step, str]]] = {}
        self._started: list[str] = []
        self._servers = ExitStack()
        for name in PROJECT_FILES:
            (folder / name).symlink_to(ROOT / name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._servers.close()

    def provide(self, bundle: Path, rows: int = SAMPLE_ROWS) -> None:
        """Put a bundle and the tables that the pages name into the folder."""
        from churn_core.data import generate_sample_data

        shutil.copytree(bundle, self._folder / "models" / "churn")
        generate_sample_data(rows, seed=1).to_csv(self._folder / "customers.csv", index=False)
        generate_sample_data(rows, seed=1).to_parquet(self._folder / "customers.parquet", index=False)
        generate_sample_data(rows, seed=9).to_csv(self._folder / "later.csv", index=False)

    def run_page(self, page: str) -> list[tuple[Step, str]]:
        """Run a page once; return its steps, each with its real output."""
        if page not in self._pages:
            found = steps((ROOT / page).read_text(encoding="utf-8"))
            self._pages[page] = [(step, self._run(step)) for step in found]
        return self._pages[page]

    def _run(self, step: Step) -> str:
        if step.kind == "python":
            return self._wait_for([sys.executable, "-c", step.command])
        if step.command.startswith("export "):
            # Each command has a shell of its own.
            pairs = re.findall(r"(\w+)=(\S+)", self._on_free_ports(step.command))
            self._environment |= dict(pairs)
            return ""
        once = step.command.startswith(_RUN_ONCE)
        if once and step.command in self._outputs:
            return self._outputs[step.command]
        command = self._on_free_ports(step.command)
        if command.endswith(" &"):
            output = self._start(command.removesuffix(" &"))
        else:
            output = self._wait_for(["bash", "-c", command])
        output = self._on_shown_ports(output)
        if once:
            self._outputs[step.command] = output
        return output

    def _on_free_ports(self, command: str) -> str:
        for shown, free in self._ports.items():
            command = command.replace(f"127.0.0.1:{shown}", f"127.0.0.1:{free}")
            command = command.replace(f" PORT={shown}", f" PORT={free}")
        if command.startswith("churn serve"):
            return command.replace("churn serve", f"churn serve --port {self._ports['8000']}", 1)
        if command.startswith("make local"):
            return command.replace("make local", f"make local AWS_PORT={self._ports['4566']}", 1)
        return command

    def _on_shown_ports(self, output: str) -> str:
        for shown, free in self._ports.items():
            output = output.replace(f"127.0.0.1:{free}", f"127.0.0.1:{shown}")
        return output

    def _wait_for(self, command: list[str]) -> str:
        done = subprocess.run(
            command,
            cwd=self._folder,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=COMMAND_SECONDS,
        )
        return (done.stdout + _PROGRESS.sub("", done.stderr)).rstrip("\n")

    def _start(self, command: str) -> str:
        """Start a server that runs until the session ends; return what it prints until it answers."""
        server = self._servers.enter_context(
            ChildProcess(
                ["bash", "-c", f"exec {command}"], folder=self._folder, environment=self._environment
            )
        )
        self._started.append(command)
        port = int(self._ports["8080" if " PORT=" in command else "8000"])
        server.wait_until(lambda: _answers(port))
        return server.output.rstrip("\n")


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health"):
            return True
    except OSError:
        return False

"""Draw mutants of the sources by a seed, without those that no test can notice."""

from __future__ import annotations

import ast
import difflib
import json
import random
import subprocess
import tomllib
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT: Final = Path(__file__).resolve().parents[2]
SOURCES: Final = ("churn_core/scoring", "functions/batch", "functions/backfill", "functions/score")
EQUIVALENT: Final = Path(__file__).with_name("equivalent.toml")

Place = tuple[str, int, str]
"""File, line, and kind of the operator."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One fault: an operator of Cosmic Ray at its nth place in a file.

    Attributes
    ----------
    before, after : str
        The changed lines, without indentation.
    source : str
        The whole file with the fault.
    """

    file: str
    operator: str
    occurrence: int
    line: int
    before: str = ""
    after: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class Equivalent:
    """A rule of equivalent.toml: mutants that change nothing that a test could notice.

    Attributes
    ----------
    file : str or None
        None for every file.
    """

    file: str | None
    before: str
    after: str
    reason: str

    def matches(self, mutant: Mutant) -> bool:
        """Decide whether the rule covers a mutant."""
        return self.file in (None, mutant.file) and (self.before, self.after) == (mutant.before, mutant.after)


@dataclass(frozen=True, slots=True)
class Sample:
    """The drawn mutants, and those that were drawn but are equivalent."""

    mutants: list[Mutant]
    left_out: list[Mutant]


def source_files() -> list[str]:
    """Return the files that are mutated, relative to the project."""
    found = (path for source in SOURCES for path in sorted((ROOT / source).rglob("*.py")))
    return [str(path.relative_to(ROOT)) for path in found]


def draw_sample(count: int, seed: int, equivalent: Sequence[Equivalent]) -> Sample:
    """Draw places, then one mutant at each, so that operators with many replacements weigh no more.

    A longer sample of the same seed begins with the shorter one. The next mutant replaces one that is
    equivalent, or that is no Python: Cosmic Ray takes ``**`` in a call for an operator.
    """
    places: dict[Place, list[Mutant]] = defaultdict(list)
    for line in _run_cosmic_ray(["list", *source_files()], "").splitlines():
        mutant = Mutant(**json.loads(line))
        places[mutant.file, mutant.line, mutant.operator.split("_")[0]].append(mutant)
    draw = random.Random(seed)
    order = draw.sample(sorted(places), len(places))
    drawn = [draw.choice(places[place]) for place in order]
    chosen: list[Mutant] = []
    left_out: list[Mutant] = []
    while len(chosen) < count and drawn:
        batch, drawn = drawn[: count - len(chosen)], drawn[count - len(chosen) :]
        for mutant in make_mutants(batch):
            if any(rule.matches(mutant) for rule in equivalent):
                left_out.append(mutant)
            elif _is_python(mutant.source):
                chosen.append(mutant)
    return Sample(chosen, left_out)


def make_mutants(mutants: Sequence[Mutant]) -> list[Mutant]:
    """Add to each mutant its source and its changed lines."""
    wanted = [
        {"file": mutant.file, "operator": mutant.operator, "occurrence": mutant.occurrence}
        for mutant in mutants
    ]
    made = _run_cosmic_ray(["make"], "".join(json.dumps(mutant) + "\n" for mutant in wanted)).splitlines()
    return [_with_source(mutant, json.loads(source)) for mutant, source in zip(mutants, made, strict=True)]


def read_equivalent() -> list[Equivalent]:
    """Read equivalent.toml."""
    entries: list[dict[str, Any]] = tomllib.loads(EQUIVALENT.read_text(encoding="utf-8"))["mutant"]
    return [
        Equivalent(entry.get("file"), entry["before"], entry["after"], entry["reason"]) for entry in entries
    ]


def _is_python(source: str) -> bool:
    try:
        ast.parse(source)
    except SyntaxError:
        return False
    return True


def _with_source(mutant: Mutant, source: str) -> Mutant:
    sound = (ROOT / mutant.file).read_text(encoding="utf-8")
    # The first two lines are the names of the files.
    changes = list(difflib.unified_diff(sound.splitlines(), source.splitlines(), lineterm="", n=0))[2:]
    before, after = (
        " ".join(line[1:].strip() for line in changes if line.startswith(sign)).strip() for sign in "-+"
    )
    return Mutant(mutant.file, mutant.operator, mutant.occurrence, mutant.line, before, after, source)


def _run_cosmic_ray(words: list[str], given: str) -> str:
    command = [str(ROOT / ".mutation-venv/bin/python"), "tests/mutation/mutants.py", *words]
    done = subprocess.run(command, cwd=ROOT, input=given, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{done.stderr}\nCosmic Ray failed; 'make setup-mutation' installs it.")
    return done.stdout

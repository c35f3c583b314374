"""``make audit``: look every package of every lock up in the database of known faults, by pip-audit.

pip-audit ends with 0 when it could not look a package up, and even when it could look up none. Here that is
no pass: it has an exit code of its own, and a version that is known to be faulty must be found first.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from infra.local.tools import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Iterable

PIP_AUDIT: Final = REPOSITORY / ".audit-venv" / "bin" / "pip-audit"
LOCKS: Final = REPOSITORY / "requirements"
CONTROL: Final = ("jinja2", "2.7.2")
"""A package whose faults every database has known for years (CVE-2019-10906 among them)."""
FAULTS, NOT_AUDITED = 1, 3
"""Exit codes."""

_PIN: Final = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^]]*\])?==([^\s;\\]+)", re.MULTILINE)
_SECONDS: Final = 900

Package = tuple[str, str]
"""Name and version."""


class NotAuditedError(Exception):
    """The database gave no answer; the message says why."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What the database says: faults as lines to print, and the packages that it could not look up."""

    faults: list[str]
    unanswered: list[str]


def pinned_packages(folder: Path = LOCKS) -> set[Package]:
    """Return the packages of all locks, those for other platforms too."""
    return {
        (name.lower(), version)
        for lock in folder.glob("*.txt")
        for name, version in _PIN.findall(lock.read_text(encoding="utf-8"))
    }


def look_up(packages: Iterable[Package]) -> Answers:
    """Look packages up in the database.

    Raises
    ------
    NotAuditedError
        If pip-audit is missing or fails, for example because the database can't be reached.
    """
    rounds: dict[int, list[Package]] = defaultdict(list)
    seen: dict[str, int] = defaultdict(int)
    for name, version in sorted(packages):
        # pip-audit refuses two versions of a package at once.
        rounds[seen[name]].append((name, version))
        seen[name] += 1
    dependencies = [found for together in rounds.values() for found in _ask(together)]
    return Answers(
        faults=[
            f"{each['name']} {each['version']}: {fault['id']}"
            + (
                f", fixed in {', '.join(fault['fix_versions'])}"
                if fault["fix_versions"]
                else ", not fixed yet"
            )
            for each in dependencies
            for fault in each.get("vulns", [])
        ],
        unanswered=[each["name"] for each in dependencies if "skip_reason" in each],
    )


def _ask(packages: list[Package]) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        listed = Path(folder, "packages.txt")
        listed.write_text("".join(f"{name}=={version}\n" for name, version in packages), encoding="utf-8")
        command: list[str | Path] = [
            *(PIP_AUDIT, "--no-deps", "--disable-pip", "--format", "json", "--progress-spinner", "off"),
            *(
                "--timeout",
                "15",
                "--cache-dir",
                REPOSITORY / "build" / "audit-cache",
                "--requirement",
                listed,
            ),
        ]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_SECONDS)
        except FileNotFoundError as error:
            raise NotAuditedError("pip-audit is not installed; run 'make setup-audit'.") from error
        except subprocess.TimeoutExpired as error:
            raise NotAuditedError(f"the database did not answer within {_SECONDS} seconds.") from error
    try:
        answers: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except ValueError as error:
        last = (done.stderr.strip().splitlines() or [f"pip-audit ended with {done.returncode}"])[-1]
        raise NotAuditedError(f"the database can't be reached: {last}") from error
    if len(answers) < len(packages):
        raise NotAuditedError(f"pip-audit answered for {len(answers)} of {len(packages)} packages.")
    return answers


def audit(packages: set[Package]) -> Answers:
    """Look packages up, after a version with known faults has been found.

    Raises
    ------
    NotAuditedError
        If the database can't be reached, or does not know the faults of the control package.
    """
    control = look_up([CONTROL])
    if not control.faults:
        reason = "can't be looked up" if control.unanswered else "has no known fault there"
        raise NotAuditedError(f"the database is not usable: {' '.join(CONTROL)} {reason}.")
    return look_up(packages)


def main() -> int:
    """Run the command; return 0 without faults, 1 with faults, 3 if not everything could be looked up."""
    packages = pinned_packages()
    try:
        found = audit(packages)
    except NotAuditedError as error:
        print(f"make audit: NOTHING WAS AUDITED, which is no pass: {error}", file=sys.stderr)
        print("Run it where the network reaches https://pypi.org.", file=sys.stderr)
        return NOT_AUDITED
    for fault in found.faults:
        print(fault)
    if found.unanswered:
        print(f"NOT AUDITED, which is no pass: {', '.join(found.unanswered)}", file=sys.stderr)
    known = len(packages) - len(found.unanswered)
    print(f"{known} of {len(packages)} packages of all locks looked up: {len(found.faults)} known faults.")
    return FAULTS if found.faults else NOT_AUDITED if found.unanswered else 0


if __name__ == "__main__":
    sys.exit(main())

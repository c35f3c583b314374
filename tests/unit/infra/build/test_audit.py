"""`make audit` fails for a known fault, and says clearly when it could not look everything up."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from infra.build import audit
from infra.build.audit import FAULTS, LOCKS, NOT_AUDITED, pinned_packages

CONTROL = {"jinja2": {"vulns": [{"id": "PYSEC-2019-217", "fix_versions": ["2.10.1"]}]}}


@pytest.fixture
def locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "requirements"
    folder.mkdir()
    (folder / "one.txt").write_text(
        "Alpha==1.0 \\\n    --hash=sha256:00\n"
        'beta[x]==2.0 ; sys_platform == "win32" \\\n    --hash=sha256:00\n'
    )
    (folder / "two.txt").write_text("alpha==1.1 \\\n    --hash=sha256:00\n")
    (folder / "two.in").write_text("gamma==9\n")
    monkeypatch.setattr(audit, "pinned_packages", lambda: pinned_packages(folder))
    return folder


def pretend(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, answers: dict[str, Any], error: str = ""
) -> None:
    """Put a pip-audit in place that answers from a table, or fails with a message."""
    script = tmp_path / "pip-audit"
    script.write_text(f"""#!{sys.executable}
import json, pathlib, sys
if {error!r}:
    sys.exit({error!r})
answers = json.loads({json.dumps(answers)!r})
pins = [line.split("==") for line in pathlib.Path(sys.argv[-1]).read_text().splitlines()]
assert len({{name for name, _ in pins}}) == len(pins), "duplicate requirements"
none = {{"vulns": []}}
found = [
    {{"name": name, "version": version}} | answers.get(f"{{name}}=={{version}}", answers.get(name, none))
    for name, version in pins
]
print(json.dumps({{"dependencies": found, "fixes": []}}))
""")
    script.chmod(0o755)
    monkeypatch.setattr(audit, "PIP_AUDIT", script)


@pytest.mark.usefixtures("locks")
def test_no_known_fault_is_a_pass(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pretend(monkeypatch, tmp_path, CONTROL)
    assert audit.main() == 0
    assert "3 of 3 packages" in capsys.readouterr().out


@pytest.mark.usefixtures("locks")
def test_a_known_fault_of_any_lock_and_platform_fails(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    faults = {
        "alpha==1.1": {"vulns": [{"id": "CVE-1", "fix_versions": ["1.2"]}]},
        "beta": {"vulns": [{"id": "CVE-2", "fix_versions": []}]},
    }
    pretend(monkeypatch, tmp_path, CONTROL | faults)
    assert audit.main() == FAULTS
    printed = capsys.readouterr().out
    assert "alpha 1.1: CVE-1, fixed in 1.2" in printed
    assert "beta 2.0: CVE-2, not fixed yet" in printed
    assert "alpha 1.0" not in printed


@pytest.mark.usefixtures("locks")
def test_a_package_that_can_not_be_looked_up_is_no_pass(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pretend(monkeypatch, tmp_path, CONTROL | {"beta": {"skip_reason": "Dependency not found on PyPI"}})
    assert audit.main() == NOT_AUDITED
    printed = capsys.readouterr()
    assert "no pass: beta" in printed.err
    assert "2 of 3 packages" in printed.out


@pytest.mark.usefixtures("locks")
@pytest.mark.parametrize(
    ("answers", "error"),
    [
        ({}, "requests.exceptions.ProxyError: no route"),
        # A mirror without the database answers so, and pip-audit ends with 0.
        ({"jinja2": {"skip_reason": "Dependency not found on PyPI"}}, ""),
        ({"jinja2": {"vulns": []}}, ""),
    ],
    ids=["no network", "a mirror without the database", "an empty database"],
)
def test_a_database_that_does_not_answer_is_no_pass(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    answers: dict[str, Any],
    error: str,
) -> None:
    pretend(monkeypatch, tmp_path, answers, error)
    assert audit.main() == NOT_AUDITED
    printed = capsys.readouterr()
    assert "NOTHING WAS AUDITED" in printed.err
    assert error in printed.err
    assert "packages" not in printed.out


@pytest.mark.usefixtures("locks")
def test_without_pip_audit_the_message_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(audit, "PIP_AUDIT", tmp_path / "nothing")
    assert audit.main() == NOT_AUDITED
    assert "make setup-audit" in capsys.readouterr().err


def test_every_line_with_a_version_of_every_lock_is_read() -> None:
    lines = [
        line
        for lock in LOCKS.glob("*.txt")
        for line in lock.read_text(encoding="utf-8").splitlines()
        if line[:1].isalnum()
    ]
    found = {line.split("==")[0].split("[")[0].lower() for line in lines}
    assert {name for name, _ in pinned_packages()} == found
    assert {"duckdb", "onnxruntime", "aws-sam-cli", "pip-audit"} <= found

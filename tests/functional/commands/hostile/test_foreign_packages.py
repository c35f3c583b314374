"""`churn` says what to do if the package with its further commands is missing or hidden by another one."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from typing import TYPE_CHECKING

import churn_core.cli
from churn_core.cli import main

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def error_with(module: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    entry_point = EntryPoint("planted", f"{module}.commands:add_commands", "churn.commands")
    monkeypatch.setattr(churn_core.cli, "entry_points", lambda group: [entry_point])
    assert main(["generate", "--help"]) == 1
    return capsys.readouterr().err


def test_another_package_of_the_same_name_is_named_with_its_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "hiding_package").mkdir()
    (tmp_path / "hiding_package" / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    error = error_with("hiding_package", monkeypatch, capsys)
    assert str(tmp_path / "hiding_package" / "__init__.py") in error
    assert "uninstall it" in error


def test_a_missing_package_is_to_be_installed_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    error = error_with("absent_package", monkeypatch, capsys)
    assert "'absent_package' of churn-stack is missing" in error
    assert "install churn-stack again" in error

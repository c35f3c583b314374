"""Where the default configuration comes from."""

from __future__ import annotations

from pathlib import Path

import pytest

from churn_core.config import default_config_path, get_project_root

CHECKOUT = Path(__file__).resolve().parents[3]


def test_the_root_is_the_nearest_folder_that_holds_config(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    below = tmp_path / "project" / "notebooks" / "old"
    below.mkdir(parents=True)
    (tmp_path / "config").mkdir()
    (tmp_path / "project" / "config").mkdir()
    monkeypatch.chdir(below)
    assert get_project_root() == tmp_path / "project"


def test_without_a_config_folder_the_root_is_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert get_project_root() == tmp_path


def test_the_project_s_configuration_comes_before_the_packaged_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert default_config_path() == CHECKOUT / "config" / "config.yaml"
    (tmp_path / "config").mkdir()
    # A `config` folder of something else has no `config.yaml`.
    assert default_config_path() == CHECKOUT / "config" / "config.yaml"
    own = tmp_path / "config" / "config.yaml"
    own.write_text("data: {}\n", encoding="utf-8")
    assert default_config_path() == own

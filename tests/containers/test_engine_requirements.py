"""The requirements of the container tests, with one sentence for each missing one."""

from __future__ import annotations

import json
import os
import platform
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.containers import docker_engine, lambda_base
from tests.containers.docker_engine import EngineError, missing_for_engine
from tests.containers.lambda_base import debian_mirror, missing_for_base_image

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine that meets all requirements."""
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(shutil, "which", lambda command: f"/usr/bin/{command}")
    monkeypatch.setattr(docker_engine, "_RUNNING_ENGINE", tmp_path / "none.sock")
    monkeypatch.setenv("CHURN_CONTAINER_CACHE", str(tmp_path / "cache"))


def test_a_complete_machine_lacks_nothing() -> None:
    assert missing_for_engine() == []


def test_another_processor_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    (reason,) = missing_for_engine()
    assert "x86_64" in reason
    assert "aarch64" in reason


def test_a_user_other_than_root_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    (reason,) = missing_for_engine()
    assert "root" in reason


def test_each_missing_command_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda command: None)
    assert [line.split()[-1] for line in missing_for_engine()] == ["docker.io.", "docker.io.", "iproute2."]
    assert any("debootstrap" in line for line in missing_for_base_image())


def test_a_running_engine_is_not_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "containerd.sock").touch()
    monkeypatch.setattr(docker_engine, "_RUNNING_ENGINE", tmp_path / "containerd.sock")
    (reason,) = missing_for_engine()
    assert "already runs" in reason


def test_an_existing_debian_tree_needs_no_debootstrap(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(shutil, "which", lambda command: None)
    kept = lambda_base.debian_tarball()
    kept.parent.mkdir()
    kept.touch()
    assert missing_for_base_image() == []


@pytest.mark.parametrize(
    ("file", "content"),
    [
        (
            "sources.list.d/debian.sources",
            "Types: deb\n# http://old.example\nURIs: http://a.example/debian\n",
        ),
        ("sources.list", "# none\ndeb [arch=amd64] http://a.example/debian bookworm main\n"),
        ("sources.list", "deb http://a.example/debian bookworm main\n"),
    ],
)
def test_the_mirror_is_read_from_both_of_apt_s_formats(tmp_path: Path, file: str, content: str) -> None:
    path = tmp_path / file
    path.parent.mkdir(exist_ok=True)
    path.write_text(content, encoding="utf-8")
    assert debian_mirror(tmp_path) == "http://a.example/debian"


def test_a_machine_without_apt_s_settings_has_no_mirror(tmp_path: Path) -> None:
    assert debian_mirror(tmp_path) is None


def test_the_bridge_s_network_overlaps_no_route_of_the_machine() -> None:
    routes = [{"dst": "default"}, {"dst": "172.30.0.0/23"}, {"dst": "172.30.2.7"}, {"dst": "10.0.0.0/8"}]
    assert str(docker_engine._free_network(json.dumps(routes))) == "172.30.3.0/24"
    with pytest.raises(EngineError, match="taken"):
        docker_engine._free_network(json.dumps([{"dst": "172.16.0.0/12"}]))

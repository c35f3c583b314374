"""`make pin-bases` writes the digest that the registry has for the base's tag, or nothing."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from infra.containers import pin_bases
from infra.containers.pin_bases import RegistryError, pin
from infra.local.tools import REPOSITORY

FIRST, SECOND = (f"sha256:{digit * 64}" for digit in "ab")


class Registry(BaseHTTPRequestHandler):
    """A registry that wants an anonymous token, as public registries do."""

    digest: ClassVar[str] = FIRST

    def do_GET(self) -> None:
        self.answer(200, json.dumps({"token": "secret"}).encode())

    def do_HEAD(self) -> None:
        if self.headers.get("Authorization") != "Bearer secret":
            realm = f"http://{self.headers['Host']}/token"
            challenge = f'Bearer realm="{realm}",service="test",scope="repository:lambda/python:pull"'
            self.answer(401, b"", {"WWW-Authenticate": challenge})
        elif self.path != "/v2/lambda/python/manifests/3.13" or "image.index" not in self.headers["Accept"]:
            self.answer(404, b"")
        else:
            self.answer(200, b"", {"Docker-Content-Digest": self.digest})

    def answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Print nothing."""


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(pin_bases, "_SCHEME", "http")
    monkeypatch.setattr(Registry, "digest", FIRST)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    server = HTTPServer(("127.0.0.1", 0), Registry)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def files_of(folder: Path, registry: str) -> list[Path]:
    """Copy the project's files, with another registry."""
    paths = []
    for name in ("Dockerfile", "compose.yaml"):
        text = (REPOSITORY / name).read_text(encoding="utf-8")
        text = re.sub(r"@sha256:[0-9a-f]{64}", "", text).replace("public.ecr.aws", registry)
        paths.append(folder / name)
        paths[-1].write_text(text, encoding="utf-8")
    return paths


def test_the_tag_s_digest_is_written_into_both_files_and_replaced_later(
    registry: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = files_of(tmp_path, registry)
    before = [path.read_text(encoding="utf-8") for path in files]
    image = f"{registry}/lambda/python:3.13"

    assert pin(files) == [f"{image}@{FIRST}"]
    pinned = [path.read_text(encoding="utf-8") for path in files]
    assert f"ARG BASE={image}@{FIRST}\n" in pinned[0]
    assert f"BASE: ${{BASE:-{image}@{FIRST}}}\n" in pinned[1]
    assert [text.replace(f"@{FIRST}", "") for text in pinned] == before

    monkeypatch.setattr(Registry, "digest", SECOND)
    assert pin(files) == [f"{image}@{SECOND}"]
    assert [path.read_text(encoding="utf-8") for path in files] == [
        text.replace(FIRST, SECOND) for text in pinned
    ]


@pytest.mark.parametrize("digest", ["", "latest", "sha256:0"])
def test_an_answer_without_a_digest_changes_nothing(
    registry: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, digest: str
) -> None:
    files = files_of(tmp_path, registry)
    before = [path.read_text(encoding="utf-8") for path in files]
    monkeypatch.setattr(Registry, "digest", digest)
    with pytest.raises(RegistryError, match="without a digest"):
        pin(files)
    assert [path.read_text(encoding="utf-8") for path in files] == before


def test_a_registry_that_can_not_be_reached_is_named_and_nothing_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    files = files_of(tmp_path, "127.0.0.1:9")
    before = [path.read_text(encoding="utf-8") for path in files]
    monkeypatch.setattr(pin_bases, "REPOSITORY", tmp_path)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert pin_bases.main() == 1
    assert "nothing was pinned" in capsys.readouterr().err
    assert [path.read_text(encoding="utf-8") for path in files] == before

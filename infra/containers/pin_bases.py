"""``make pin-bases``: write the digest of the base image's tag into Dockerfile and compose.yaml.

A tag can be moved to another image; a digest can't. The registry is asked by its HTTP interface (OCI
Distribution), so neither Docker nor an account is needed.
"""

from __future__ import annotations

import json
import re
import sys
import urllib.error
import urllib.parse
import urllib.request
from typing import TYPE_CHECKING, Final

from infra.local.tools import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path

_SCHEME: Final = "https"
_SECONDS: Final = 20
_BASE: Final = re.compile(
    r"(?P<before>ARG BASE=|\{BASE:-)(?P<registry>[\w.:-]+)/"
    r"(?P<name>[\w./-]+):(?P<tag>[\w.-]+)(@sha256:[0-9a-f]{64})?"
)
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
_KINDS: Final = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)
"""Kinds of manifest; the first two name the images of all processors."""


class RegistryError(Exception):
    """The registry gave no digest; the message says why."""


def _open(url: str, headers: dict[str, str], method: str = "GET") -> tuple[dict[str, str], bytes]:
    request = urllib.request.Request(url, headers=headers, method=method)
    with urllib.request.urlopen(request, timeout=_SECONDS) as answer:
        return {key.lower(): value for key, value in answer.headers.items()}, answer.read(1_000_000)


def _token(challenge: str) -> str:
    """Return an anonymous token, from where the registry's challenge says."""
    asked = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
    realm = asked.pop("realm", "")
    if not realm.startswith(f"{_SCHEME}://"):
        raise RegistryError(f"it asks for credentials in an unknown way: {challenge}")
    _, body = _open(f"{realm}?{urllib.parse.urlencode(asked)}", {})
    content = json.loads(body)
    return str(content.get("token") or content["access_token"])


def digest_of_tag(registry: str, name: str, tag: str) -> str:
    """Return the digest to which a registry resolves a tag.

    Raises
    ------
    RegistryError
        If the registry can't be reached, or gives no digest.
    """
    url = f"{_SCHEME}://{registry}/v2/{name}/manifests/{tag}"
    headers = {"Accept": _KINDS}
    try:
        try:
            found, _ = _open(url, headers, "HEAD")
        except urllib.error.HTTPError as error:
            if error.code != 401:
                raise
            token = _token(error.headers.get("WWW-Authenticate", ""))
            found, _ = _open(url, headers | {"Authorization": f"Bearer {token}"}, "HEAD")
    except (OSError, ValueError, KeyError) as error:
        raise RegistryError(f"it can't be asked: {error}") from error
    digest = found.get("docker-content-digest", "")
    if not _DIGEST.fullmatch(digest):
        raise RegistryError(f"it answered without a digest: {digest!r}")
    return digest


def pin(files: list[Path]) -> list[str]:
    """Write the digest of each base image into files; return the images.

    Raises
    ------
    RegistryError
        If a digest is not to be had; then no file has changed.
    """
    texts = {path: path.read_text(encoding="utf-8") for path in files}
    bases = {
        match.group("registry", "name", "tag") for text in texts.values() for match in _BASE.finditer(text)
    }
    digests = {base: digest_of_tag(*base) for base in sorted(bases)}

    def pinned(match: re.Match[str]) -> str:
        registry, name, tag = base = match.group("registry", "name", "tag")
        return f"{match['before']}{registry}/{name}:{tag}@{digests[base]}"

    for path, text in texts.items():
        path.write_text(_BASE.sub(pinned, text), encoding="utf-8")
    return [f"{registry}/{name}:{tag}@{digest}" for (registry, name, tag), digest in digests.items()]


def main() -> int:
    """Run the command; return 0, or 1 if the registry gave no digest."""
    try:
        images = pin([REPOSITORY / "Dockerfile", REPOSITORY / "compose.yaml"])
    except RegistryError as error:
        print(f"make pin-bases: nothing was pinned: the registry gave no digest: {error}", file=sys.stderr)
        return 1
    print("\n".join(images))
    return 0


if __name__ == "__main__":
    sys.exit(main())

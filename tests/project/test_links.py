"""Links of all Markdown files: the file is there, and so is the heading."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pytest

from tests.e2e.page_blocks import ROOT, pages

if TYPE_CHECKING:
    from pathlib import Path

_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
_FENCED = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)


def links(text: str) -> list[str]:
    """Return the addresses of a page's links that lead into the repository."""
    found = _LINK.findall(_FENCED.sub("", text))
    return [address for address in found if not re.match(r"[a-z]+:", address)]


@cache
def anchors(page: Path) -> frozenset[str]:
    """Return the anchors that GitHub gives to the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", _FENCED.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    plain = (re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading) for heading in headings)
    return frozenset(re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in plain)


def broken(page: Path) -> list[str]:
    """Return the links of a page that lead nowhere."""
    found = []
    for address in links(page.read_text(encoding="utf-8")):
        path, _, anchor = unquote(address).partition("#")
        target = (page.parent / path).resolve() if path else page
        if (path and not (target.is_relative_to(ROOT) and target.exists())) or (
            anchor and (target.suffix != ".md" or anchor not in anchors(target))
        ):
            found.append(address)
    return found


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    assert broken(page) == []


def test_the_index_leads_to_every_page() -> None:
    index = ROOT / "docs" / "README.md"
    reached = {(index.parent / address).resolve() for address in links(index.read_text(encoding="utf-8"))}
    assert {page for page in (ROOT / "docs").glob("*.md") if page != index} - reached == set()


def test_a_link_to_nowhere_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# One heading: `code`\n[a](#one-heading-code) [b](#two) [c](missing.md) [d](https://x.org)"
    )
    assert broken(page) == ["#two", "missing.md"] or broken(page) == [
        "#one-heading-code",
        "#two",
        "missing.md",
    ]

"""The tests of each row of docs/reliability.md; ``python -m tests.project.reliability_page`` writes them.

A test holds a row if it cites it: in its name (``test_b26_...``), in its docstring (``B26``), or by the name
of one of its cases (``c13-not-finite``).
"""

from __future__ import annotations

import ast
import re
import sys
from collections import defaultdict
from typing import TYPE_CHECKING, Final

from tests.e2e.page_blocks import ROOT

if TYPE_CHECKING:
    from pathlib import Path

PAGE: Final = ROOT / "docs" / "reliability.md"
NONE_YET: Final = "none yet"

_ROW: Final = re.compile(r"^\| ([ABCG]\d+) \|(.*)\| ([^|]*) \|$", re.MULTILINE)
_CASE: Final = re.compile(r"^([abcg]\d+)-")
_NAME: Final = re.compile(r"^test((?:_[abcg]\d+)+)_")
_DOCSTRING: Final = re.compile(r"\b([ABCG]\d+)(?: to ([ABCG])(\d+))?\b")


def citations() -> dict[str, list[str]]:
    """Return the links to the tests of each row, in the order of the files."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted((ROOT / "tests").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and node.name.startswith(("test_", "check_")):
                for row in _rows_of(node):
                    found[row].append(_link(node.name, path))
        for row in sorted(_cases_of(tree), key=lambda name: (name[0], int(name[1:]))):
            found[row].append(_link(f"cases {row.lower()}-*", path))
    return dict(found)


def _rows_of(function: ast.FunctionDef) -> list[str]:
    name = _NAME.match(function.name)
    rows = name[1].upper().split("_")[1:] if name else []
    for mention in _DOCSTRING.finditer(ast.get_docstring(function) or ""):
        last = int(mention[3] or mention[1][1:])
        rows += [f"{mention[1][0]}{number}" for number in range(int(mention[1][1:]), last + 1)]
    return list(dict.fromkeys(rows))


def _cases_of(tree: ast.Module) -> set[str]:
    texts = (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant))
    return {case[1].upper() for text in texts if isinstance(text, str) and (case := _CASE.match(text))}


def _link(text: str, path: Path) -> str:
    return f"[{text}](../{path.relative_to(ROOT)})"


def rows(page: str) -> dict[str, str]:
    """Return the tests that the page names for each row."""
    return {row[1]: row[3] for row in _ROW.finditer(page)}


def written(page: str) -> str:
    """Return the page with the tests of each row."""
    found = citations()

    def with_tests(row: re.Match[str]) -> str:
        return f"| {row[1]} |{row[2]}| {', '.join(found.get(row[1], [NONE_YET]))} |"

    return _ROW.sub(with_tests, page)


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    sys.exit(f"{PAGE} has rows without a test." if NONE_YET in PAGE.read_text(encoding="utf-8") else 0)

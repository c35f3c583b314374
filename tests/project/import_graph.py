"""The graph of imports in CONTRIBUTING.md; `python -m tests.project.import_graph` writes it.

Nodes are the folders of `churn_core` and `functions`. An arrow that other arrows imply is left out.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import grimp

from tests.generated_block import replace_block

if TYPE_CHECKING:
    from collections.abc import Mapping

PAGE: Final = Path(__file__).resolve().parents[2] / "CONTRIBUTING.md"
COMMAND: Final = "python -m tests.project.import_graph"
PACKAGES: Final = ("churn_core", "functions")
COURSE_ENTRY: Final = "churn_core.models.train"
"""Starts the command line, and so is the one import that points up."""


def room_imports() -> dict[str, set[str]]:
    """Return, for each folder or top-level module, those that it imports; imports for types count."""
    graph = grimp.build_graph(*PACKAGES, exclude_type_checking_imports=False, cache_dir=None)
    graph.remove_module(COURSE_ENTRY)
    rooms = {room for package in PACKAGES for room in graph.find_children(package)}
    for room in rooms:
        graph.squash_module(room)
    return {room: graph.find_modules_directly_imported_by(room) & (rooms - {room}) for room in rooms}


def without_implied(imports: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """Return the transitive reduction of a graph without circles."""

    def reached(room: str) -> set[str]:
        return imports[room].union(*(reached(other) for other in imports[room]))

    return {
        room: {
            other
            for other in others
            if not any(other in reached(between) for between in others if between != other)
        }
        for room, others in imports.items()
    }


def mermaid(imports: Mapping[str, set[str]]) -> str:
    """Return a graph as a Mermaid diagram, in which an arrow means "imports"."""
    lines = ["```mermaid", "graph TD"]
    for package in PACKAGES:
        lines.append(f"  subgraph {package}")
        lines += [f"    {room}[{room.split('.')[1]}]" for room in sorted(imports) if room.startswith(package)]
        lines.append("  end")
    lines += [f"  {room} --> {other}" for room in sorted(imports) for other in sorted(imports[room])]
    return "\n".join([*lines, "```"])


def page_with_graph() -> str:
    """Return the page with the graph as the code has it now."""
    page = PAGE.read_text(encoding="utf-8")
    return replace_block(page, COMMAND, mermaid(without_implied(room_imports())))


if __name__ == "__main__":
    PAGE.write_text(page_with_graph(), encoding="utf-8")

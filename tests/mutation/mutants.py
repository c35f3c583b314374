"""List the mutants of source files, or make some of them.

Runs in the environment of requirements/mutation.txt, which has Cosmic Ray:

    .mutation-venv/bin/python tests/mutation/mutants.py list FILE [FILE ...]
    .mutation-venv/bin/python tests/mutation/mutants.py make < MUTANTS

``list`` prints one JSON object per mutant: ``file``, ``operator``, ``occurrence``, ``line``. ``make`` reads
such objects and prints the source of each mutant as a JSON string. Annotations and imports for type checkers
are left out: they are never evaluated, so no test can notice a change there.
"""

from __future__ import annotations

import ast
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from cosmic_ray.ast import ast_nodes, get_ast_from_path
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names

if TYPE_CHECKING:
    from collections.abc import Iterator

    Place = tuple[int, int]


def list_mutants(file: str) -> Iterator[dict[str, object]]:
    """Return the mutants of a file, each as a JSON object."""
    unevaluated = list(unevaluated_spans(Path(file).read_text(encoding="utf-8")))
    tree = get_ast_from_path(Path(file))
    for name in operator_names():
        operator_class = get_operator(name)
        if operator_class.arguments():
            continue
        operator = operator_class()
        places = (place for node in ast_nodes(tree) for place in operator.mutation_positions(node))
        for occurrence, (start, end) in enumerate(places):
            if not any(first <= start and end <= last for first, last in unevaluated):
                yield {"file": file, "operator": name, "occurrence": occurrence, "line": start[0]}


def unevaluated_spans(source: str) -> Iterator[tuple[Place, Place]]:
    """Return the places of annotations and of imports for type checkers: (line, column) from and to."""
    for node in ast.walk(ast.parse(source)):
        found: list[ast.AST | None] = []
        if isinstance(node, ast.AnnAssign | ast.arg):
            found = [node.annotation]
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found = [node.returns]
        elif isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            found = [node]
        for part in found:
            if part is not None:
                start = (part.lineno, part.col_offset)  # type: ignore[attr-defined]
                yield start, (part.end_lineno, part.end_col_offset)  # type: ignore[attr-defined]


def make_mutant(file: str, operator: str, occurrence: int) -> str:
    """Return the source of a mutant.

    Raises
    ------
    ValueError
        If the file has no such mutant.
    """
    source = Path(file).read_text(encoding="utf-8")
    mutated: str | None = mutate_code(source, get_operator(operator)(), occurrence)
    if mutated is None:
        raise ValueError(f"{file} has no mutant {operator} {occurrence}")
    return mutated


if __name__ == "__main__":
    command, *files = sys.argv[1:]
    if command == "list":
        for file in files:
            for mutant in list_mutants(file):
                print(json.dumps(mutant))
    else:
        for wanted in map(json.loads, sys.stdin):
            print(json.dumps(make_mutant(wanted["file"], wanted["operator"], wanted["occurrence"])))

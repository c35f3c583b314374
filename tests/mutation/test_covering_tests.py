"""Which tests run against a mutant, and in which order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.mutation import covering_tests, sample
from tests.mutation.covering_tests import CoveringTests, MeasuredFile
from tests.mutation.sample import Mutant

if TYPE_CHECKING:
    from pathlib import Path

FILE = "churn_core/scoring/shapes.py"
SOURCE = '''LIMIT = 3


def area(width):
    """Return the area."""
    return (
        width
        * LIMIT
    )


def name():
    return "square"


def child():
    return 1
'''
STARTER = "functions/batch/starter.py"
STARTS = """def start():
    command = "-m churn_core.scoring.shapes"
    return command


def other():
    return 2
"""
OTHERS = "tests/property/test_all.py"
MIRROR = "tests/unit/churn_core/scoring/test_shapes.py"


@pytest.fixture
def covering(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CoveringTests:
    """A project of two files. Four tests run lines of the first one, and two run the second one."""
    for file, text in {FILE: SOURCE, STARTER: STARTS, MIRROR: "", OTHERS: ""}.items():
        (tmp_path / file).parent.mkdir(parents=True)
        (tmp_path / file).write_text(text, encoding="utf-8")
    monkeypatch.setattr(covering_tests, "ROOT", tmp_path)
    monkeypatch.setattr(sample, "ROOT", tmp_path)
    lines = {
        f"{OTHERS}::slow": {FILE: [6, 7]},
        f"{OTHERS}::fast": {FILE: [7]},
        f"{OTHERS}::names": {FILE: [13]},
        f"{OTHERS}::starts": {STARTER: [2, 3, 7]},
        f"{OTHERS}::parses": {STARTER: [7]},
    }
    seconds = dict(zip(lines, (2.0, 0.01, 0.02, 3.0, 0.01), strict=True))
    return CoveringTests(
        {
            OTHERS: MeasuredFile("d", seconds, lines),
            MIRROR: MeasuredFile("d", {f"{MIRROR}::mirrors": 0.5}, {f"{MIRROR}::mirrors": {FILE: [13]}}),
        }
    )


def choose(covering: CoveringTests, line: int) -> list[str]:
    return [test.partition("::")[2] for test in covering.choose(Mutant(FILE, "core/AddNot", 0, line))]


def test_the_tests_of_the_statement_and_the_mirrored_ones_run_the_fastest_first(
    covering: CoveringTests,
) -> None:
    # Line 8 is inside of the statement that begins in line 6.
    assert choose(covering, 8) == ["fast", "mirrors", "slow"]


def test_a_statement_outside_of_functions_is_tested_through_all_functions_of_its_file(
    covering: CoveringTests,
) -> None:
    assert choose(covering, 1) == ["fast", "names", "mirrors", "slow"]


def test_lines_of_another_process_are_tested_by_those_who_start_it(covering: CoveringTests) -> None:
    assert choose(covering, 17) == ["mirrors", "starts"]


def test_tests_beyond_the_time_of_a_mutant_are_left_out(
    covering: CoveringTests, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(covering_tests, "OTHER_SECONDS", 0.01)
    assert choose(covering, 8) == ["fast", "mirrors"]
    monkeypatch.setattr(covering_tests, "OTHER_SECONDS", 20.0)
    monkeypatch.setattr(covering_tests, "SLOW", 1.0)
    assert choose(covering, 8) == ["fast", "mirrors"]

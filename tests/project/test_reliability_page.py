"""docs/reliability.md: each row has its tests, and each test that cites a row finds it on the page."""

from __future__ import annotations

from tests.project.reliability_page import NONE_YET, PAGE, citations, rows, written


def test_the_tests_of_each_row_are_current() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == written(page), "run 'python -m tests.project.reliability_page'"


def test_every_row_has_a_test() -> None:
    without = [row for row, tests in rows(PAGE.read_text(encoding="utf-8")).items() if tests == NONE_YET]
    assert without == []


def test_every_row_that_a_test_cites_is_on_the_page() -> None:
    listed = rows(PAGE.read_text(encoding="utf-8"))
    assert len(listed) == 146
    assert set(citations()) - set(listed) == set()

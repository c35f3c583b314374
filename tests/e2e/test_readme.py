"""README and the docs show what their commands really print.

Every command of a ``console`` block and every ``python`` block is run; the output must be the one that the
page shows. Figures that differ between machines and moments are masked: every word and the shape of every
line is compared. ``python -m tests.e2e.console_blocks --write`` writes the real outputs to the pages.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.e2e.page_blocks import NEEDS, ROOT, Step, agrees, pages, shell_blocks, steps
from tests.e2e.page_session import SAMPLE_PAGES, SERVED_PAGES, TOUR, PageSession

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def tour(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PageSession]:
    """One folder for the pages that train."""
    with PageSession(tmp_path_factory.mktemp("tour")) as session:
        yield session


def check(results: list[tuple[Step, str]]) -> None:
    assert results
    for step, output in results:
        assert agrees(step.shown, output), f"{step.command}\n--- shown\n{step.shown}\n--- real\n{output}"


@pytest.mark.skipif(shutil.which("curl") is None, reason="install curl to run this test")
# It trains two models.
@pytest.mark.timeout(900)
@pytest.mark.parametrize("page", TOUR)
def test_a_page_of_the_tour_shows_real_outputs(tour: PageSession, page: str) -> None:
    for earlier in TOUR[: TOUR.index(page)]:
        tour.run_page(earlier)
    check(tour.run_page(page))


@pytest.mark.skipif(shutil.which("curl") is None, reason="install curl to run this test")
# One of them builds the functions, unless that is done already.
@pytest.mark.timeout(900)
@pytest.mark.parametrize("page", SAMPLE_PAGES)
def test_a_page_that_needs_a_model_shows_real_outputs(
    page: str, sample_bundle: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if page in SERVED_PAGES:
        request.getfixturevalue("lambda_tools")
    with PageSession(tmp_path) as session:
        session.provide(sample_bundle)
        check(session.run_page(page))


def test_every_page_with_commands_is_run() -> None:
    with_commands = {
        str(page.relative_to(ROOT)) for page in pages() if steps(page.read_text(encoding="utf-8"))
    }
    assert with_commands == {*TOUR, *SAMPLE_PAGES}


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_that_are_not_run_say_what_they_need_and_show_no_output(page: Path) -> None:
    for marker, content in shell_blocks(page.read_text(encoding="utf-8")):
        key, _, needed = marker.partition("=")
        assert (key, needed in NEEDS) == ("needs", True), f"```sh {marker} in {page.name}"
        assert not any(line.startswith("$ ") for line in content.splitlines()), content


def test_figures_are_masked_and_words_are_compared() -> None:
    assert agrees("Scored 10 of 10 rows.", "Scored 2,000 of 2,000 rows.")
    assert not agrees("Scored 10 of 10 rows.", "Scored 10 of 10 lines.")
    assert not agrees("one\n", "one\ntwo")
    assert agrees("with customers-2b32906fb73d.", "with customers-a37ac6c32aec.")
    assert not agrees("with customers-2b32906fb73d.", "with churn-2b32906fb73d.")


def test_an_elision_stands_for_any_number_of_lines() -> None:
    assert agrees("first\n...\nlast 1", "first\nsecond\nthird\nlast 2")
    assert agrees("first\n...\nlast", "first\nlast")
    assert not agrees("first\n...\nlast", "first\nlast\nmore")
    assert not agrees("first\n...\nlast", "zeroth\nfirst\nlast")

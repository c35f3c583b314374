"""The pages say what follows from the committed measurement."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.capacity.markdown import dollars, duration
from benchmarks.capacity.measured import load_measured
from benchmarks.capacity.pages import PAGES, UnknownBlockError, with_tables
from benchmarks.capacity.plot import PLOT, write_plot
from benchmarks.capacity.tables import TABLES

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.capacity.measured import Measured


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_tables_are_computed_from_the_committed_measurement(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert text == with_tables(text, load_measured()), "write it anew: python -m benchmarks.capacity --pages"


def test_every_table_is_on_a_page() -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert [name for name in TABLES if f"<!-- begin: {name} -->" not in text] == []


def test_another_measurement_gives_other_tables(measured: Measured) -> None:
    text = "before\n<!-- begin: measured-batch -->\nold\n<!-- end -->\nafter\n"
    found = with_tables(text, measured)
    assert found.startswith("before\n")
    assert found.endswith("\nafter\n")
    assert "old" not in found
    assert "| 2,000,100 |" in found
    assert with_tables(found, measured) == found


def test_a_block_without_a_table_is_named(measured: Measured) -> None:
    with pytest.raises(UnknownBlockError, match="no table 'weather'"):
        with_tables("<!-- begin: weather -->\n<!-- end -->", measured)


def test_measurement_is_read_as_it_was_written(measured: Measured, tmp_path: Path) -> None:
    measured.write(tmp_path / "measured.json")
    assert load_measured(tmp_path / "measured.json") == measured


def test_plot_is_drawn_from_the_committed_measurement(tmp_path: Path) -> None:
    for name in ("first.svg", "second.svg"):
        write_plot(load_measured(), tmp_path / name)
    first = (tmp_path / "first.svg").read_bytes()
    assert first == (tmp_path / "second.svg").read_bytes()
    # Fonts differ from machine to machine, and with them all bytes.
    assert b"<svg" in first
    assert PLOT.stat().st_size > 10_000


@pytest.mark.parametrize(
    ("amount", "written"),
    [(0, "$0"), (1234.5, "$1,234.50"), (4.772, "$4.77"), (0.0485, "$0.0485"), (0.0000002, "$0.000000200")],
)
def test_dollars_have_three_digits_that_count(amount: float, written: str) -> None:
    assert dollars(amount) == written


def test_seconds_become_minutes_where_they_are_many() -> None:
    assert (duration(45.2), duration(120), duration(3_630)) == ("45 s", "2.0 min", "60.5 min")

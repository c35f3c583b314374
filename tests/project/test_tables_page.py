"""docs/tables.md lists the texts, formats, endings, types and codes of the code."""

from __future__ import annotations

import re
from itertools import product
from typing import Final

import pytest

from churn_core.data.files.dialect_search import MOST_TITLE_LINES
from churn_core.data.inspection.dates import FORMATS
from churn_core.data.inspection.number_forms import MISSING_TOKENS
from churn_core.data.inspection.target.labels import MOST_LABELS
from churn_core.errors import FILE_FAULT_CODES, InputFileError
from churn_core.reader_rules import ReaderRules, TextRules
from churn_core.schema import CategoryFeature, Contract, DaysBetween, Feature, NumberFeature
from churn_core.scoring.files.sql.encoding import encoded_columns
from churn_core.scoring.text_files.formats import TABLE_ENDINGS
from tests.e2e.page_blocks import ROOT

PAGE: Final = (ROOT / "docs" / "tables.md").read_text(encoding="utf-8")

TYPES: Final = {
    "whole numbers of any size": ("TINYINT", "UBIGINT", "HUGEINT"),
    "FLOAT, DOUBLE": ("FLOAT", "DOUBLE"),
    "DECIMAL": ("DECIMAL(12,2)", "DECIMAL(12,0)"),
    "text, dictionary-encoded or not": ("VARCHAR",),
    "BOOLEAN": ("BOOLEAN",),
    "DATE": ("DATE",),
    "timestamps of any unit or zone": ("TIMESTAMP", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE"),
    "UUID": ("UUID",),
    "lists, structs, binary": ("BIGINT[]", "STRUCT(a BIGINT)", "BLOB"),
}
"""DuckDB's types of each row of the page."""


def quoted(before: str, after: str) -> tuple[str, ...]:
    """Return the texts in backticks between two texts of the page."""
    return tuple(re.findall("`([^`]+)`", PAGE.partition(before)[2].partition(after)[0]))


def table(header: str) -> list[list[str]]:
    """Return the rows of the table whose header begins so."""
    lines = PAGE.partition(f"\n| {header} |")[2].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def accepts(feature: Feature, kind: str, date_format: str | None = None, *, as_id: bool = False) -> bool:
    """Return whether a file may store a feature, or the id, so."""
    formats = () if date_format is None else (("column", date_format),)
    contract = Contract(
        () if as_id else (feature,),
        *("left", "yes", "no"),
        id_column="column" if as_id else None,
        id_type="text" if as_id else None,
        reader=ReaderRules(TextRules(date_formats=formats)),
    )
    try:
        encoded_columns(contract, {"column": kind})
    except InputFileError:
        return False
    return True


def number(kind: str) -> str:
    if accepts(NumberFeature("column", 0, 1), kind):
        return "yes"
    as_text = accepts(NumberFeature("column", 0, 1, stored_as_text=True), kind)
    return "with `stored_as: text`" if as_text else "refused"


def category(kind: str) -> str:
    if accepts(CategoryFeature("column", ("1",)), kind):
        return "yes"
    by_value = accepts(CategoryFeature("column", ("1",), values="integer"), kind)
    return "with `values`" if by_value else "refused"


def date(kind: str) -> str:
    days = NumberFeature("days", 0, 1, days=DaysBetween("column", "2026-01-31", end_is_day=True))
    if accepts(days, kind):
        return "yes"
    return "with a format of digits only" if accepts(days, kind, "YYYYMMDD") else "refused"


def identifier(kind: str) -> str:
    return "yes" if accepts(NumberFeature("column", 0, 1), kind, as_id=True) else "refused"


def test_the_missing_tokens_are_those_of_the_code() -> None:
    assert quoted("These texts are known:", "\n- ") == MISSING_TOKENS


def test_the_date_formats_are_those_of_the_code() -> None:
    assert quoted("in these formats:", "Where day and month") == FORMATS


def test_the_endings_are_those_of_the_code() -> None:
    listed = {ending for cell, _ in table("ending | read as") for ending in re.findall("`(.+?)`", cell)}
    assert listed == set(re.findall(r"\.\w+", TABLE_ENDINGS))


def test_the_codes_of_files_are_those_of_the_code() -> None:
    listed = {
        code for cell, *_ in table("code | the file | what to do") for code in re.findall("`(.+?)`", cell)
    }
    assert listed <= set(FILE_FAULT_CODES)
    assert {"not-text", "bad-compression", "dialect"} <= listed


def test_the_limits_are_those_of_the_code() -> None:
    assert f"| 3 to {MOST_LABELS} labels |" in PAGE
    assert f"up to line {MOST_TITLE_LINES}" in PAGE


TYPE_ROWS: Final = {
    row[0]: row[1:] for row in table("type in a Parquet file | number | category | date | id")
}


def test_the_page_has_each_kind_of_type() -> None:
    assert set(TYPE_ROWS) == set(TYPES)


@pytest.mark.parametrize(("row", "kind"), [pair for row in TYPES for pair in product([row], TYPES[row])])
def test_a_type_is_read_as_the_page_says(row: str, kind: str) -> None:
    said = list(TYPE_ROWS[row])
    if kind.startswith("DECIMAL"):
        # A decimal without digits after the point is a whole number.
        either = "with `values`; without digits after the point: yes"
        assert said[1] == either
        said[1] = "yes" if kind.endswith(",0)") else "with `values`"
    assert said == [number(kind), category(kind), date(kind), identifier(kind)]

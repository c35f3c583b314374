"""``churn init`` finds the layout of a CSV file, or says which option decides it."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from churn_core.data.files.csv_files import load_csv
from churn_core.data.files.dialect_search import dialect_findings, find_dialect
from churn_core.errors import DataError
from churn_core.reader_rules import Dialect, ReaderRules

ROWS = [f"c{number},{number}.5,{number % 7},{'yes' if number % 3 else 'no'}" for number in range(50)]


def csv_text(delimiter: str = ",", end: str = "\n") -> str:
    lines = ["id,fee,größe,left", *ROWS]
    return "".join(line.replace(",", delimiter) + end for line in lines)


PLAIN = csv_text()
CASES: dict[str, tuple[bytes, Dialect]] = {
    "plain": (PLAIN.encode(), Dialect()),
    "byte order mark": (PLAIN.encode("utf-8-sig"), Dialect()),
    "semicolons": (csv_text(";", "\r\n").encode(), Dialect(delimiter=";")),
    "tabs": (csv_text("\t").encode(), Dialect(delimiter="\t")),
    "bars": (csv_text("|", "\r").encode(), Dialect(delimiter="|")),
    "sep line": (b"sep=;\r\n" + csv_text(";").encode(), Dialect(delimiter=";")),
    "title": (f"Report; May, 2026\n\n{PLAIN}".encode(), Dialect(header_line=3)),
    "title with the target's name": (f"left\n{PLAIN}".encode(), Dialect(header_line=2)),
    "utf-16": (PLAIN.encode("utf-16"), Dialect(encoding="utf-16")),
    "utf-16 without a mark": (PLAIN.encode("utf-16-le"), Dialect(encoding="utf-16-le")),
    "utf-16 of the other order": (PLAIN.encode("utf-16-be"), Dialect(encoding="utf-16-be")),
    "cp1252": (PLAIN.encode("cp1252"), Dialect(encoding="cp1252")),
    "latin-1": ((PLAIN + "\x81,1,2,no\n").encode("latin-1"), Dialect(encoding="iso8859-1")),
    "decimal commas": (
        csv_text(";").replace(".5", ",5").encode(),
        Dialect(delimiter=";"),
    ),
    "commas in cells": (
        "".join(f'{line.replace(",", ";")};"a, b, c, d"\n' for line in ["id,fee,größe,left", *ROWS]).encode(),
        Dialect(delimiter=";"),
    ),
    "single quotes": (
        "".join(
            f"'{line.replace(',', chr(39) + ',' + chr(39))}','x, y'\n"
            for line in csv_text().split("\n")
            if line
        ).encode(),
        Dialect(quote="'"),
    ),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("ending", [".csv", ".txt.gz"])
def test_the_layout_is_found_and_then_reads_the_whole_file(case: str, ending: str, tmp_path: Path) -> None:
    content, dialect = CASES[case]
    path = tmp_path / f"table{ending}"
    path.write_bytes(gzip.compress(content) if ending.endswith(".gz") else content)
    found = find_dialect(path, "left")
    assert found.dialect == dialect
    assert bool(dialect_findings(found)) is (case in ("cp1252", "latin-1"))
    table = load_csv(path, rules=ReaderRules(dialect=found.dialect))
    assert len(table) >= len(ROWS)
    assert "left" in table.columns


def test_text_that_is_not_utf8_only_far_below_is_noticed(tmp_path: Path) -> None:
    content = PLAIN.replace("größe", "size").encode() + b"c,1,1,no\n" * 200_000 + b"\xe4,1,1,no\n"
    (tmp_path / "t.csv").write_bytes(content)
    assert find_dialect(tmp_path / "t.csv", "left").dialect.encoding == "cp1252"


def test_what_the_user_gives_is_not_looked_for(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(PLAIN.encode("cp1252"))
    found = find_dialect(path, "left", Dialect(encoding="cp1250", delimiter=";"), {"encoding", "delimiter"})
    assert (found.dialect.encoding, found.dialect.delimiter) == ("cp1250", ";")
    assert not found.assumed_encoding


def test_a_delimiter_that_can_not_be_decided_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("churn_core.data.files.dialect_search._proposed", lambda sample: None)
    path = tmp_path / "t.csv"
    path.write_text("left;b,left\n" + "1;2,3\n" * 20)
    with pytest.raises(DataError, match=r"can't be decided.*--reader"):
        find_dialect(path, "left")


@pytest.mark.parametrize("name", ["t.parquet", "t.jsonl"])
def test_other_formats_have_the_default_layout(name: str, tmp_path: Path) -> None:
    assert find_dialect(tmp_path / name, "left").dialect == Dialect()


@pytest.mark.parametrize("share", [1, 10])
def test_quotes_after_a_backslash_are_refused_with_the_fix(share: int, tmp_path: Path) -> None:
    rows = [
        f'c{n},"{"say " + chr(92) + chr(34) + "no" + chr(92) + chr(34) if n % share == 0 else "b"}",no'
        for n in range(50)
    ]
    path = tmp_path / "t.csv"
    path.write_text("\n".join(["id,note,left", *rows]))
    with pytest.raises(DataError) as caught:
        find_dialect(path, "left")
    assert 'writes a quote inside a cell as \\"; write it twice ("")' in str(caught.value)


def test_a_backslash_at_the_end_of_a_cell_is_text(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("id,folder,left\n" + "".join(f'c{n},"C:{chr(92)}",no\n' for n in range(50)))
    assert find_dialect(path, "left").dialect == Dialect()


def test_inches_in_cells_without_quotes_are_text(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("id,screen,left\n" + "".join(f'c{n},{n}" wide,no\n' for n in range(50)))
    found = find_dialect(path, "left").dialect
    assert load_csv(path, rules=ReaderRules(dialect=found))["screen"].tolist()[:2] == ['0" wide', '1" wide']

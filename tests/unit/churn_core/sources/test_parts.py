"""A folder or a pattern is one table: its parts, their order, and the columns of their partitions."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from churn_core.errors import DataError
from churn_core.sources.parts import PartedTable, is_parted, list_parts


def _files(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")
    return folder


def _names(table: PartedTable) -> list[str]:
    return [part.name for part in table.parts]


def test_parts_are_in_the_order_of_the_bytes_of_their_names(tmp_path: Path) -> None:
    names = ["b/1.parquet", "a.parquet", "Z.parquet", "a/10.parquet", "a/9.PARQUET", "é.parquet"]
    assert _names(list_parts(_files(tmp_path, *names))) == sorted(names, key=os.fsencode)


def test_files_that_mark_or_hide_something_are_no_parts(tmp_path: Path) -> None:
    hidden = ["_SUCCESS", "_metadata", ".a.parquet.crc", ".b.parquet", "_temporary/c.parquet", ".d/e.parquet"]
    table = list_parts(_files(tmp_path, "a.parquet", *hidden))
    assert (_names(table), table.skipped) == (["a.parquet"], ())


def test_other_files_that_are_skipped_are_listed(tmp_path: Path) -> None:
    table = list_parts(_files(tmp_path, "a.parquet", "notes.txt", "sub/_b.parquet", "c.xlsx"))
    assert (_names(table), table.skipped) == (["a.parquet"], ("c.xlsx", "notes.txt", "sub/_b.parquet"))


def test_folders_give_partition_columns(tmp_path: Path) -> None:
    expected = {
        "year=2026/month=01": (("year", "2026"), ("month", "01")),
        "year=2026/month=": (("year", "2026"), ("month", None)),
        "year=__HIVE_DEFAULT_PARTITION__/month=a%20b%2Fc": (("year", None), ("month", "a b/c")),
        "year=2026/other/month=02": (("year", "2026"), ("month", "02")),
    }
    _files(tmp_path, *(f"{folder}/a.parquet" for folder in expected))
    parts = list_parts(tmp_path).parts
    assert {part.name.removesuffix("/a.parquet"): part.partitions for part in parts} == expected


def test_one_partition_of_a_table_has_the_columns_of_the_whole(tmp_path: Path) -> None:
    _files(tmp_path, "data/year=2026/month=01/a.parquet", "data/year=2026/month=02/a.parquet")
    expected = (("year", "2026"), ("month", "02"))
    for source in ("data/year=2026/month=02", "data/year=2026/month=02/*.parquet", "data/*/*2/a.parquet"):
        parts = list_parts(tmp_path / source).parts
        assert [part.partitions for part in parts] == [expected]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*.parquet", ["a.parquet", "b.parquet"]),
        ("**/*.parquet", ["a.parquet", "b.parquet", "sub/c.parquet"]),
        ("[ab].parquet", ["a.parquet", "b.parquet"]),
        ("s*", ["sub/c.parquet"]),
        ("s*/?.parquet", ["sub/c.parquet"]),
    ],
)
def test_a_pattern_names_files_and_folders(tmp_path: Path, pattern: str, expected: list[str]) -> None:
    folder = _files(tmp_path, "a.parquet", "b.parquet", "sub/c.parquet", "d.csv")
    table = list_parts(folder / pattern)
    assert (_names(table), table.folder) == (expected, folder)


def test_a_pattern_in_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(_files(tmp_path, "a.parquet"))
    assert _names(list_parts(Path("*.parquet"))) == ["a.parquet"]
    assert _names(list_parts(Path())) == ["a.parquet"]


def test_a_file_whose_own_name_looks_like_a_pattern_is_a_file(tmp_path: Path) -> None:
    _files(tmp_path, "a[1].parquet")
    assert not is_parted(tmp_path / "a[1].parquet")
    assert not is_parted(tmp_path / "missing.parquet")
    assert is_parted(tmp_path / "a*.parquet")


def test_a_link_back_to_its_own_folder_is_followed_once(tmp_path: Path) -> None:
    _files(tmp_path, "sub/a.parquet")
    (tmp_path / "sub" / "up").symlink_to(tmp_path)
    assert _names(list_parts(tmp_path)) == ["sub/a.parquet"]


REFUSED = {
    "empty": ([], "holds no table"),
    "no table": (["a.txt"], "holds no table"),
    "several formats": (["a.parquet", "b.csv"], "a.parquet is Parquet, but b.csv is CSV"),
    "other partitions": (["m=1/a.parquet", "b.parquet"], "m=1/a.parquet has other partition"),
    "other order": (["m=1/y=2/a.parquet", "y=2/m=1/a.parquet"], "y=2/m=1/a.parquet has other partition"),
    "column twice": (["m=1/m=2/a.parquet"], "partition column 'm' twice"),
    "same part twice": (["a.csv", "a.csv.gz"], "a.csv and a.csv.gz, which seem to be the same part"),
    "NUL": (["m=%00/a.parquet"], "not UTF-8"),
    "Delta Lake": (["a.parquet", "_delta_log/0.json"], "table of Delta Lake"),
    "Iceberg": (["data/a.parquet", "metadata/v1.metadata.json"], "table of Iceberg"),
    "Hudi": (["a.parquet", ".hoodie/x"], "table of Hudi"),
}


@pytest.mark.parametrize(("names", "message"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_single_table_is_refused(tmp_path: Path, names: list[str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        list_parts(_files(tmp_path, *names))


def test_a_pattern_without_a_match_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="matches no file"):
        list_parts(tmp_path / "*.parquet")


def test_a_name_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.parquet")).write_bytes(b"x")
    with pytest.raises(DataError, match="not UTF-8"):
        list_parts(tmp_path)


def test_a_file_that_the_system_does_not_describe_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "part.csv").write_text("a\n1\n")
    stat = Path.stat

    def refuse(path: Path, **options: Any) -> Any:
        if path.name == "part.csv":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return stat(path, **options)

    monkeypatch.setattr(Path, "stat", refuse)
    with pytest.raises(DataError, match=r"part\.csv can't be read"):
        list_parts(tmp_path)

"""What the database that reads strangers' files can reach: those files and its scratch folder (C35)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from churn_core.scoring.files.score_file import BatchSettings
from churn_core.scoring.files.scoring_pass import _sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def places(tmp_path: Path) -> dict[str, Path]:
    """The file that may be read, and others: beside it, in a folder of nearly its name, behind links."""
    work, beside = tmp_path / "work", tmp_path / "work-of-others"
    for folder in (work, beside):
        folder.mkdir()
        pq.write_table(pa.table({"a": [1]}), folder / "file.parquet")
    allowed = tmp_path / "in.parquet"
    pq.write_table(pa.table({"a": [1, 2]}), allowed)
    (work / "link.parquet").symlink_to(beside / "file.parquet")
    return {
        "allowed": allowed,
        "work": work,
        "beside": beside / "file.parquet",
        "upwards": work / ".." / "work-of-others" / "file.parquet",
        "link": work / "link.parquet",
        "system": Path("/etc/passwd"),
        "own environment": Path("/proc/self/environ"),
    }


@pytest.fixture
def database(places: dict[str, Path]) -> Iterator[duckdb.DuckDBPyConnection]:
    with _sandbox(places["work"], [places["allowed"]], BatchSettings()) as connection:
        yield connection


def test_the_file_that_it_was_opened_for_is_read(
    database: duckdb.DuckDBPyConnection, places: dict[str, Path]
) -> None:
    assert database.execute("SELECT count(a) FROM read_parquet(?)", [str(places["allowed"])]).fetchone() == (
        2,
    )


@pytest.mark.parametrize("place", ["beside", "upwards", "link", "system", "own environment"])
def test_c35_no_other_file_is_read(
    database: duckdb.DuckDBPyConnection, places: dict[str, Path], place: str
) -> None:
    for reader in ("read_parquet", "read_text", "read_blob"):
        with pytest.raises(duckdb.Error):
            database.execute(f"FROM {reader}(?)", [str(places[place])]).fetchall()


@pytest.mark.parametrize(
    "statement",
    [
        "FROM glob('/etc/*')",
        "ATTACH '/tmp/other.duckdb'",
        "COPY (SELECT 1) TO '/tmp/out.csv'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "FROM read_parquet('s3://bucket/key.parquet')",
        "SET enable_external_access = true",
        "SET allowed_directories = ['/']",
        "SET lock_configuration = false",
    ],
)
def test_nothing_else_is_reached_or_unlocked(database: duckdb.DuckDBPyConnection, statement: str) -> None:
    with pytest.raises(duckdb.Error):
        database.execute(statement).fetchall()


def test_c24_statistics_of_a_file_decide_nothing(database: duckdb.DuckDBPyConnection) -> None:
    """A file may lie about its smallest and largest values, and a filter would believe it."""
    (disabled,) = database.execute("SELECT current_setting('disabled_optimizers')").fetchone() or ("",)
    assert {"filter_pushdown", "statistics_propagation"} <= set(disabled.split(","))

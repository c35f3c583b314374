"""The database that reads untrusted files can access only those files and its scratch folder (C35)."""

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
    """The allowed file, and others: in its folder, in a folder with a similar name, behind links."""
    work, outside = tmp_path / "work", tmp_path / "work-of-others"
    for folder in (work, outside):
        folder.mkdir()
        pq.write_table(pa.table({"a": [1]}), folder / "file.parquet")
    allowed = tmp_path / "in.parquet"
    pq.write_table(pa.table({"a": [1, 2]}), allowed)
    (work / "link.parquet").symlink_to(outside / "file.parquet")
    return {
        "allowed": allowed,
        "work": work,
        "outside": outside / "file.parquet",
        "upwards": work / ".." / "work-of-others" / "file.parquet",
        "link": work / "link.parquet",
        "system": Path("/etc/passwd"),
        "own environment": Path("/proc/self/environ"),
    }


@pytest.fixture
def database(places: dict[str, Path]) -> Iterator[duckdb.DuckDBPyConnection]:
    with _sandbox(places["work"], [places["allowed"]], BatchSettings()) as connection:
        yield connection


def test_the_allowed_file_can_be_read(database: duckdb.DuckDBPyConnection, places: dict[str, Path]) -> None:
    assert database.execute("SELECT count(a) FROM read_parquet(?)", [str(places["allowed"])]).fetchone() == (
        2,
    )


@pytest.mark.parametrize("place", ["outside", "upwards", "link", "system", "own environment"])
def test_c35_other_files_can_not_be_read(
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
def test_everything_else_is_forbidden(database: duckdb.DuckDBPyConnection, statement: str) -> None:
    with pytest.raises(duckdb.Error):
        database.execute(statement).fetchall()


def test_c24_statistics_of_a_file_decide_nothing(database: duckdb.DuckDBPyConnection) -> None:
    """A file's minimum and maximum may be wrong, and a filter would trust them."""
    (disabled,) = database.execute("SELECT current_setting('disabled_optimizers')").fetchone() or ("",)
    assert {"filter_pushdown", "statistics_propagation"} <= set(disabled.split(","))

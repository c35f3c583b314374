"""Parquet files with unusual columns, types, names and encodings."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from churn_core.errors import DataError, InputFileError
from churn_core.schema import Contract, NumberFeature
from churn_core.scoring.files.score_file import BatchSettings, score_file
from tests.functional.customer_files import CANARY
from tests.functional.files.mirror_files import CONTRACT, ROWS, TABLE, file_bytes, put, refusal, score
from tests.mirror_model import mirror

if TYPE_CHECKING:
    from pathlib import Path


def test_a_file_without_columns_is_a_schema_fault(tmp_path: Path) -> None:
    assert refusal(tmp_path, pa.table({})) == "schema"


@pytest.mark.parametrize("name", ["customer", "spent", "plan"])
@pytest.mark.parametrize("spelling", [None, str.upper, " {}".format])
def test_a_column_is_found_only_by_its_exact_name(
    name: str, spelling: Callable[[str], str] | None, tmp_path: Path
) -> None:
    if spelling is None:
        assert refusal(tmp_path, TABLE.drop_columns(name)) == "schema"
    else:
        names = [spelling(column) if column == name else column for column in TABLE.column_names]
        assert refusal(tmp_path, TABLE.rename_columns(names)) == "schema"


def test_virtual_columns_of_duckdb_are_not_used(tmp_path: Path) -> None:
    contract = Contract((NumberFeature("file_row_number", 0, 9),), "left", "yes", "no")
    parquet.write_table(pa.table({"other": [1.0]}), tmp_path / "in.parquet")
    with pytest.raises(InputFileError, match="'file_row_number' is missing"):
        score_file(tmp_path / "in.parquet", tmp_path / "out.parquet", mirror(contract))


@pytest.mark.parametrize("name", ["spent", "Spent", "SPENT"])
def test_duplicate_column_names_are_refused(name: str, tmp_path: Path) -> None:
    assert refusal(tmp_path, TABLE.append_column(name, TABLE["spent"])) == "duplicate-column"


MOMENT = datetime(2020, 1, 1, tzinfo=UTC)
NOT_NUMBERS: dict[str, list[Any]] = {
    "text": ["1"],
    "boolean": [True],
    "date": [date(2020, 1, 1)],
    "time": [time(1)],
    "bytes": [b"1"],
    "moment": [MOMENT],
    "struct": [{CANARY: 1}],
    "list": [[1]],
    "structs": [[{"a": [1]}]],
}


@pytest.mark.parametrize("kind", NOT_NUMBERS)
def test_a_number_column_of_another_type_is_refused(kind: str, tmp_path: Path) -> None:
    assert refusal(tmp_path, put("spent", NOT_NUMBERS[kind])) == "schema"


@pytest.mark.parametrize("kind", [kind for kind in NOT_NUMBERS if kind not in ("text", "boolean")])
def test_a_category_column_of_another_type_is_refused(kind: str, tmp_path: Path) -> None:
    assert refusal(tmp_path, put("plan", NOT_NUMBERS[kind])) == "schema"


@pytest.mark.parametrize("kind", ["time", "bytes", "moment", "struct", "list"])
def test_an_id_type_that_the_output_can_not_keep_is_refused(kind: str, tmp_path: Path) -> None:
    assert refusal(tmp_path, put("customer", NOT_NUMBERS[kind])) == "schema"


ODD_NAMES = [
    '"; DROP TABLE scored; --',
    "",
    "new\nline",
    "n" * 10_000,
    "filename",
    "file_row_number",
    "c0",
    "id",
]


@pytest.mark.parametrize("values", [[1.5], [b"\xff"], [{"a": 1}], [MOMENT]])
def test_other_columns_are_ignored_with_any_name_and_content(values: list[Any], tmp_path: Path) -> None:
    assert score(tmp_path, TABLE.slice(0, 1)).scored == 1
    plain = (tmp_path / "out.parquet").read_bytes()
    table = TABLE.slice(0, 1)
    for name in ODD_NAMES:
        table = table.append_column(name, pa.array(values))
    assert score(tmp_path, table).scored == 1
    assert (tmp_path / "out.parquet").read_bytes() == plain


def test_columns_may_have_the_names_that_the_query_uses_inside(tmp_path: Path) -> None:
    names = ["c1", "c0", "id", "id_fault", "k0", "row_number"]
    contract = Contract(tuple(NumberFeature(name, 0, 9) for name in names), "left", "yes", "no", "reject")
    values = {name: [float(place)] for place, name in enumerate(names)}
    parquet.write_table(pa.table({"reject": ["me"], **values}), tmp_path / "in.parquet")
    out = tmp_path / "out.parquet"
    score_file(tmp_path / "in.parquet", out, mirror(contract), BatchSettings(contributions=True))
    row = parquet.read_table(out).to_pylist()[0]
    assert row["contributions"] == {name: value[0] for name, value in values.items()}
    assert row["reject"] == "me"


# ---------------------------------------------------------------- ways of writing a file


@pytest.mark.parametrize("compression", ["none", "snappy", "gzip", "brotli", "zstd", "lz4"])
@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_every_compression_and_page_version_is_read(compression: str, version: str, tmp_path: Path) -> None:
    content = file_bytes(TABLE, compression=compression, data_page_version=version, write_page_checksum=True)
    result = score(tmp_path, content)
    assert (result.scored, result.unknown) == (ROWS, {"plan": ROWS // 3})


@pytest.mark.parametrize("encoding", ["PLAIN", "DELTA_BYTE_ARRAY", "DELTA_LENGTH_BYTE_ARRAY"])
def test_every_encoding_of_text_is_read(encoding: str, tmp_path: Path) -> None:
    content = file_bytes(
        TABLE, use_dictionary=False, column_encoding={"plan": encoding, "spent": "BYTE_STREAM_SPLIT"}
    )
    assert score(tmp_path, content).unknown == {"plan": ROWS // 3}


def test_a_missing_file_and_a_folder_are_data_errors(tmp_path: Path) -> None:
    for source in (tmp_path / "nowhere.parquet", tmp_path):
        with pytest.raises(DataError, match="name a") as caught:
            score_file(source, tmp_path / "out.parquet", mirror(CONTRACT))
        assert not isinstance(caught.value, InputFileError)


def test_a_table_with_columns_and_no_rows_is_scored(tmp_path: Path) -> None:
    empty = pd.DataFrame(columns=TABLE.column_names)
    assert score(tmp_path, pa.Table.from_pandas(empty)).rows == 0
    assert parquet.read_table(tmp_path / "out.parquet").num_rows == 0


def test_a_folder_named_like_a_hive_partition_does_not_change_columns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "spent=7" / "plan=gold"
    folder.mkdir(parents=True)
    # The scratch folder, from which DuckDB reads, may have such a name too.
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    assert score(folder, TABLE).unknown == {"plan": ROWS // 3}
    contributions = parquet.read_table(folder / "out.parquet")["contributions"].to_pylist()
    assert [row["spent"] for row in contributions] == TABLE["spent"].to_pylist()

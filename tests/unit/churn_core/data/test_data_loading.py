"""Files are read without guessing, or refused with a message that says how to fix them."""

from __future__ import annotations

import datetime
import decimal
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from churn_core.data import load_csv, load_parquet, load_table
from churn_core.data.files.csv_files import cells_are_text
from churn_core.errors import DataError
from churn_core.schema import Contract

SECRET = "SSN-111-22-3333"


@pytest.fixture
def csv_file(tmp_path: Path) -> Any:
    def write(content: str | bytes) -> Path:
        path = tmp_path / "customers.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


@pytest.fixture
def parquet_file(tmp_path: Path) -> Any:
    def write(table: pa.Table) -> Path:
        path = tmp_path / "customers.parquet"
        parquet.write_table(table, path)
        return path

    return write


# --- CSV that can be read


def test_given_a_csv_file_then_every_cell_is_read_as_its_text(csv_file: Any) -> None:
    table = load_csv(csv_file('a,b,c\n1,NULL,"x, ""y""\nz"\n007,nan,\n'))
    assert table.to_dict("list") == {"a": ["1", "007"], "b": ["NULL", "nan"], "c": ['x, "y"\nz', ""]}
    assert {str(dtype) for dtype in table.dtypes} == {"str"}


def test_given_a_csv_file_then_its_table_is_marked_as_text(csv_file: Any) -> None:
    table = load_csv(csv_file("a,b\n1,2\n"))
    assert cells_are_text(table)
    assert cells_are_text(table[["a"]].head(1))
    assert not cells_are_text(pd.DataFrame({"a": ["1"]}))


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfa,b\n1,2\n",
        b"a,b\r\n1,2\r\n",
        b"a,b\r1,2\r",
        b"\n\na,b\n\n1,2\n\n",
        b"a,b\n1,2",
        b'"a","b"\n"1","2"\n',
    ],
    ids=["byte order mark", "CRLF", "CR", "empty lines", "no last line end", "quoted"],
)
def test_given_another_form_of_the_same_csv_then_the_table_is_the_same(content: bytes, csv_file: Any) -> None:
    assert load_csv(csv_file(content)).to_dict("list") == {"a": ["1"], "b": ["2"]}


@pytest.mark.parametrize("content", ["a,b\n", "a,b", "\ufeffa,b\r\n"])
def test_given_a_header_only_then_the_table_has_columns_and_no_rows(content: str, csv_file: Any) -> None:
    table = load_csv(csv_file(content))
    assert list(table.columns) == ["a", "b"]
    assert len(table) == 0
    assert cells_are_text(table)


def test_given_a_header_name_with_a_line_break_then_it_is_one_name(csv_file: Any) -> None:
    assert load_csv(csv_file('"a\nx",b\n1,2\n')).to_dict("list") == {"a\nx": ["1"], "b": ["2"]}


# --- CSV that can't be read


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "is empty"),
        (b"\n\n", "has no header"),
        (b"a;b\n1,5;2\n", "separated by semicolons.*commas"),
        (b"a\tb\n1\t2\n", "separated by tabs"),
        (b"a|b\n1|2\n", "separated by bars"),
        (b"x,a,b,a\n1,2,3,4\n", r"a column 2 times \(positions 2, 4\)"),
        (
            b"a,b\n1,2\n1,2,3\n4\n",
            r"\(count 2; the first is row 2 .* 3 cells, but the header has 2\)",
        ),
        (b"a,b\n1\n", r"\(count 1; the first is row 1 .* 1 cell, but the header has 2\)"),
        (b"a,b\n\xff,2\n", "not valid UTF-8.*encoding UTF-8"),
        (b"a,b\n1,\xc3", "not valid UTF-8"),
        ("a,b\n1,2\n".encode("utf-16"), "not valid UTF-8"),
        (b"a,b\n1,2\0\n", "NUL bytes"),
        (b'a,b\n1,"2\n3,4\n', "quote that is not closed"),
        (b'a,b\n1,"2\n3,"4\n', "text after its closing quote"),
    ],
)
def test_given_an_invalid_csv_file_then_the_error_names_the_fix(
    content: bytes, complaint: str, csv_file: Any
) -> None:
    with pytest.raises(DataError, match=complaint):
        load_csv(csv_file(content))


def test_given_a_row_that_is_too_long_then_it_is_refused(csv_file: Any) -> None:
    with pytest.raises(DataError, match=r"row 2 below the header.*longer than 1,048,576 bytes"):
        load_csv(csv_file("a,b\n1,2\n1," + "x" * 2**20 + "\n"))


def test_given_rows_with_row_names_then_they_are_called_so(csv_file: Any) -> None:
    with pytest.raises(DataError, match=r"row name.*give the first column a name"):
        load_csv(csv_file("a,b\nr1,1,2\nr2,3,4\n"))


def test_given_a_header_in_mid_file_then_the_row_is_called_so(csv_file: Any) -> None:
    with pytest.raises(DataError, match=r"count 1; the first is row 2 .* is the header again"):
        load_csv(csv_file("a,b\n1,2\na,b\n3,4\n"))


def test_given_the_contract_then_a_first_line_of_data_is_refused(contract: Contract, csv_file: Any) -> None:
    with pytest.raises(DataError, match="add a header line"):
        load_csv(csv_file("c1,3,basic\nc2,4,basic\n"), contract)


def test_given_the_contract_then_a_duplicate_column_is_named(contract: Contract, csv_file: Any) -> None:
    with pytest.raises(DataError, match="the column 'visits' 2 times"):
        load_csv(csv_file("visits,visits\n1,2\n"), contract)


@pytest.mark.parametrize(
    "content",
    [
        f"a,b\n{SECRET}\n",
        f"a,b\n{SECRET},1,2\n",
        f'a,b\n1,"{SECRET}\n',
        f"{SECRET},{SECRET}\n",
        f"{SECRET};x\n",
        f"a,b\n{SECRET},\0\n",
        f"{SECRET},".encode() + b"\xff\n",
    ],
)
def test_given_an_invalid_row_then_no_error_shows_its_values(content: str | bytes, csv_file: Any) -> None:
    with pytest.raises(DataError) as caught:
        load_csv(csv_file(content))
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None


# --- Parquet


def test_given_integers_and_booleans_with_nulls_then_they_keep_their_types(parquet_file: Any) -> None:
    table = load_parquet(
        parquet_file(
            pa.table(
                {
                    "full": pa.array([1, 2], pa.int32()),
                    "holes": pa.array([2**62 + 1, None]),
                    "wide": pa.array([2**64 - 1, None], pa.uint64()),
                    "flag": [True, None],
                    "real": [0.5, None],
                }
            )
        )
    )
    dtypes = {"full": "int32", "holes": "Int64", "wide": "UInt64", "flag": "boolean", "real": "float64"}
    assert table.dtypes.astype(str).to_dict() == dtypes
    assert table["holes"][0] == 2**62 + 1
    assert table["wide"][0] == 2**64 - 1
    assert not cells_are_text(table)


def test_given_text_then_it_stays_text_dictionary_encoded_or_not(parquet_file: Any) -> None:
    text = pa.array(["007", None, " "])
    table = load_parquet(parquet_file(pa.table({"plain": text, "coded": text.dictionary_encode()})))
    assert table.dtypes.astype(str).to_dict() == {"plain": "str", "coded": "str"}
    assert table["coded"].tolist()[::2] == ["007", " "]
    assert table["coded"].isna().tolist() == [False, True, False]


def test_given_decimals_and_far_dates_then_they_are_read(parquet_file: Any) -> None:
    far = pa.array([0, 5_000_000], pa.int32()).cast(pa.date32())
    cells = pa.table({"amount": [decimal.Decimal("1.10"), None], "day": far})
    table = load_parquet(parquet_file(cells))
    assert table["amount"][0] == 1.1
    assert table["day"][0] == pd.Timestamp(datetime.date(1970, 1, 1))


def test_given_a_folder_named_like_a_partition_then_no_column_is_added(tmp_path: Path) -> None:
    folder = tmp_path / "region=north"
    folder.mkdir()
    parquet.write_table(pa.table({"a": [1]}), folder / "customers.parquet")
    assert list(load_parquet(folder / "customers.parquet").columns) == ["a"]


def test_given_an_index_written_by_pandas_then_it_is_replaced_by_row_numbers(tmp_path: Path) -> None:
    path = tmp_path / "customers.parquet"
    pd.DataFrame({"a": [1, 2]}, index=["x", "y"]).to_parquet(path)
    assert load_parquet(path).index.tolist() == [0, 1]


def test_given_duplicate_columns_in_parquet_then_the_column_is_named(parquet_file: Any) -> None:
    with pytest.raises(DataError, match="the column 'a' more than once"):
        load_parquet(parquet_file(pa.table([[1], [2]], names=["a", "a"])))


def test_given_a_csv_file_renamed_to_parquet_then_it_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "customers.parquet"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match="is not a Parquet file"):
        load_parquet(path)


@pytest.mark.parametrize("kept", [4, 5, 100, -1])
def test_given_a_truncated_parquet_file_then_it_is_called_truncated(kept: int, parquet_file: Any) -> None:
    path = parquet_file(pa.table({"a": list(range(100))}))
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(DataError, match="truncated Parquet file"):
        load_parquet(path)


def test_given_an_encrypted_footer_then_the_error_says_encrypted(tmp_path: Path) -> None:
    path = tmp_path / "customers.parquet"
    path.write_bytes(b"PARE" + bytes(100) + b"PARE")
    with pytest.raises(DataError, match="encrypted Parquet file"):
        load_parquet(path)


def test_given_a_footer_of_garbage_then_the_file_is_corrupt(tmp_path: Path) -> None:
    path = tmp_path / "customers.parquet"
    path.write_bytes(b"PAR1" + os.urandom(200) + b"PAR1")
    with pytest.raises(DataError, match="corrupt Parquet file"):
        load_parquet(path)


def test_given_parquet_text_that_is_not_utf8_then_it_is_refused_at_once(parquet_file: Any) -> None:
    offsets, data = pa.py_buffer(np.array([0, 2, 3], dtype=np.int32)), pa.py_buffer(b"ok\xff")
    broken = pa.StringArray.from_buffers(2, offsets, data)
    with pytest.raises(DataError, match="corrupt Parquet file"):
        load_parquet(parquet_file(pa.table({"a": broken})))


def test_given_any_flipped_bit_then_there_is_a_table_or_a_typed_error(tmp_path: Path) -> None:
    path = tmp_path / "customers.parquet"
    parquet.write_table(
        pa.table({"a": list(range(50)), "t": ["x", None] * 25}), path, write_page_checksum=True
    )
    whole = path.read_bytes()
    refused = 0
    for position in range(4, len(whole) - 4, 7):
        flipped = bytearray(whole)
        flipped[position] ^= 0x10
        path.write_bytes(flipped)
        try:
            load_parquet(path)
        except DataError:
            refused += 1
    assert refused > 10


# --- any table


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_given_no_such_file_or_a_directory_then_the_error_says_so(tmp_path: Path, ending: str) -> None:
    with pytest.raises(DataError, match="does not exist"):
        load_table(tmp_path / f"missing{ending}")
    (tmp_path / f"folder{ending}").mkdir()
    with pytest.raises(DataError, match="holds no table"):
        load_table(tmp_path / f"folder{ending}")
    (tmp_path / f"nothing{ending}").touch()
    with pytest.raises(DataError, match="is empty"):
        load_table(tmp_path / f"nothing{ending}")
    os.mkfifo(tmp_path / f"pipe{ending}")
    with pytest.raises(DataError, match="not a regular file"):
        load_table(tmp_path / f"pipe{ending}")


def test_given_another_ending_then_the_error_names_those_that_are_read(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"must end in \.csv.*\.parquet"):
        load_table(tmp_path / "customers.xlsx")


def test_given_a_name_that_is_too_long_then_a_data_error_is_raised(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="can't be read"):
        load_table(tmp_path / ("x" * 5000 + ".csv"))


def test_given_the_ending_in_capitals_then_it_is_recognised(csv_file: Any) -> None:
    path = csv_file("a\n1\n")
    assert len(load_table(path.rename(path.with_suffix(".CSV")))) == 1


def test_given_the_real_telco_table_then_it_loads_whole(telco_csv: Path) -> None:
    table = load_table(telco_csv)
    assert table.shape == (7043, 21)
    assert int((table["TotalCharges"] == " ").sum()) == 11

"""The ids in scored files: their type comes from training, whatever type the input file has."""

from __future__ import annotations

import datetime
import uuid
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from churn_core.data import load_table, validate_data
from churn_core.data.columns import learn_id_type
from churn_core.data.loading import table_records
from churn_core.errors import InvalidRecordsError, ValueFault
from churn_core.scoring.files.score_file import BatchSettings, score_file
from churn_core.scoring.predictor import ChurnPredictor
from tests.functional.files.mirror_files import CONTRACT, put, refusal
from tests.mirror_model import mirror

if TYPE_CHECKING:
    from collections.abc import Callable

    from churn_core.schema import IdType

WIDE = 12345678901234567890123456789012345678
NEARBY = [90071992547409932, 90071992547409933]
A_UUID = pa.ExtensionArray.from_storage(pa.uuid(), pa.array([uuid.UUID(int=7).bytes], pa.binary(16)))
A_DAY = pa.array([datetime.date(2020, 2, 29)])


def _decimals(digits: int, scale: int, *values: str | int) -> pa.Array:
    return pa.array([Decimal(value) for value in values], pa.decimal128(digits, scale))


def _scored(folder: Path, ids: Any, id_type: IdType) -> tuple[pa.DataType, list[Any], list[str | None]]:
    """Score a table with these ids; return the type, the ids and the reject codes of the output."""
    source, out = folder / "in.parquet", folder / "out.parquet"
    parquet.write_table(put("customer", ids), source)
    score_file(source, out, mirror(replace(CONTRACT, id_type=id_type)), BatchSettings())
    table = parquet.read_table(out)
    return table.schema.field("customer").type, *(table[n].to_pylist() for n in ("customer", "reject_code"))


@pytest.mark.parametrize(
    ("ids", "whole"),
    [
        (pa.array([7, -8], pa.int16()), [7, -8]),
        (pa.array([2**64 - 1, 2**63 - 1], pa.uint64()), [None, 2**63 - 1]),
        (_decimals(20, 0, *NEARBY), NEARBY),
        (_decimals(38, 0, WIDE, -5), [None, -5]),
        (_decimals(38, 2, "12.50", "12.00"), [None, 12]),
        (
            pa.array([1500401.0, -0.0, 2.0**53 - 1, 2.0**53, 2.0**53 + 2, 0.5, float("inf")]),
            [1500401, 0, 2**53 - 1, *[None] * 4],
        ),
        (pa.array([16777215.0, 16777216.0], pa.float32()), [2**24 - 1, None]),
        (pa.array(["42", "-7", str(2**63 - 1)]), [42, -7, 2**63 - 1]),
        (pa.array(["7.0", "-7.00", f"{NEARBY[1]}.0", "7,0", "7,00"]), [7, -7, NEARBY[1], 7, 7]),
        (
            pa.array(["007", "+7", "7.", "7.50", " 7", "-0", "-0.0", "07.0", "1e3", "abc", "7.0\n"]),
            [None] * 11,
        ),
        (pa.array([str(2**63), f"{2**63}.0"]), [None] * 2),
        (pa.array([True]), [None]),
        (A_UUID, [None]),
        (A_DAY, [None]),
    ],
)
def test_c32_a_whole_number_is_written_as_bigint_and_other_ids_are_rejected(
    ids: pa.Array, whole: list[int | None], tmp_path: Path
) -> None:
    codes = ["wrong_type" if value is None else None for value in whole]
    assert _scored(tmp_path, ids, "integer") == (pa.int64(), whole, codes)


@pytest.mark.parametrize(
    ("ids", "texts"),
    [
        (pa.array([7, -8], pa.int16()), ["7", "-8"]),
        (pa.array([2**64 - 1], pa.uint64()), [str(2**64 - 1)]),
        (_decimals(38, 0, WIDE, -5), [str(WIDE), "-5"]),
        (_decimals(38, 2, "12.50", "12.00"), ["12.50", "12"]),
        (pa.array([1500401.0, -0.0, 0.5]), ["1500401", "0", "0.5"]),
        (pa.array(["007", "7.0", " 7", "größe 😀"]), ["007", "7.0", " 7", "größe 😀"]),
        (pa.array([True]), ["true"]),
        (A_UUID, [str(uuid.UUID(int=7))]),
        (A_DAY, ["2020-02-29"]),
    ],
)
def test_text_ids_hold_whole_numbers_without_a_point(ids: pa.Array, texts: list[str], tmp_path: Path) -> None:
    assert _scored(tmp_path, ids, "text") == (pa.string(), texts, [None] * len(texts))


def test_a_floating_point_number_that_may_have_lost_digits_is_no_id(tmp_path: Path) -> None:
    # 2**53 is also what 2**53 + 1 becomes in a floating-point column.
    ids = pa.array([2.0**53 - 1, 2.0**53, float("-inf")])
    assert _scored(tmp_path, ids, "text")[1:] == ([str(2**53 - 1), None, None], [None, *["wrong_type"] * 2])


@pytest.mark.parametrize("id_type", ["integer", "text"])
def test_c32_ids_have_the_limits_of_every_text(id_type: IdType, tmp_path: Path) -> None:
    ids = [None, "", " \t", "x" * 257, "é" * 257, "y" * 10_000_000, "a\0b", "é" * 256, "z" * 256]
    _, values, codes = _scored(tmp_path, ids, id_type)
    fits = id_type == "text"
    assert codes == [
        *["missing"] * 3,
        *["too_long"] * 3,
        "invalid_unicode",
        *[None if fits else "wrong_type"] * 2,
    ]
    assert values == [*[None] * 7, *(ids[7:] if fits else [None, None])]


@pytest.mark.parametrize("id_type", ["integer", "text"])
@pytest.mark.parametrize("ids", [pa.nulls(2), pa.array([float("nan"), None]), pa.array([None], pa.uuid())])
def test_a_row_without_an_id_is_missing_one(ids: pa.Array, id_type: IdType, tmp_path: Path) -> None:
    kind, values, codes = _scored(tmp_path, ids, id_type)
    assert kind == (pa.int64() if id_type == "integer" else pa.string())
    assert (values, codes) == ([None] * len(ids), ["missing"] * len(ids))


@pytest.mark.parametrize(
    ("ids", "learnt"),
    [
        (pa.array([1, 2]), "integer"),
        (pa.array([2**63], pa.uint64()), "text"),
        (_decimals(38, 0, *NEARBY), "integer"),
        (_decimals(38, 0, WIDE, 1), "text"),
        (pa.array([1.0, 2.0]), "integer"),
        (pa.array([1.0, 2.5]), "text"),
        (pa.array(["1", "-20"]), "integer"),
        (pa.array(["1", "020"]), "text"),
        (pa.array(["1", "2.0", "3.00"]), "integer"),
        (pa.array(["1", "1.0"]), "text"),
        (pa.array(["1", "2.5"]), "text"),
        (pa.array(["1", "9" * 5_000]), "text"),
        (A_DAY, "text"),
        (A_UUID, "text"),
        (pa.array([True, False]), "text"),
    ],
)
def test_training_learns_the_type_of_its_ids(ids: pa.Array, learnt: str, tmp_path: Path) -> None:
    parquet.write_table(pa.table({"id": ids}), tmp_path / "ids.parquet")
    assert learn_id_type(load_table(tmp_path / "ids.parquet")["id"]) == learnt


def test_ids_of_a_csv_file_are_learnt_like_those_of_parquet(tmp_path: Path) -> None:
    (tmp_path / "ids.csv").write_text(f"a,b,c\n1,1,{NEARBY[0]}\n2,02,{NEARBY[1]}\n")
    table = load_table(tmp_path / "ids.csv")
    assert [learn_id_type(table[name]) for name in "abc"] == ["integer", "text", "integer"]


@pytest.mark.parametrize("digits", [18, 38])
def test_decimals_without_a_fraction_are_read_with_every_digit(digits: int, tmp_path: Path) -> None:
    ids = [*NEARBY, None] if digits == 18 else [WIDE, WIDE + 1, None]
    parquet.write_table(pa.table({"id": pa.array(ids, pa.decimal128(digits, 0))}), tmp_path / "ids.parquet")
    series = load_table(tmp_path / "ids.parquet")["id"]
    assert [None if pd.isna(value) else int(value) for value in series] == ids


def _findings(ids: list[Any]) -> list[tuple[str, tuple[int, ...]]]:
    table = pd.DataFrame({"customer": ids, "spent": [1.0, 2.0], "plan": ["basic", "gold"]})
    report = validate_data(table.assign(left=["yes", "no"]), CONTRACT)
    return [(finding.rule, finding.example_rows) for finding in report.findings]


def test_training_refuses_ids_that_scoring_would_reject() -> None:
    assert _findings(["a", "x" * 257]) == [("too_long", (1,))]
    assert _findings([1.0, 2.0**53 + 2]) == [("wrong_type", (1,))]
    assert _findings([1.0, 2.0**53]) == []


@pytest.mark.parametrize("id_type", ["integer", "text"])
@pytest.mark.parametrize(
    "ids",
    [
        pa.array(["7", "-8", "9.0", f"{NEARBY[1]}.00", "007", "", None, "x" * 257, "a\0b", "abc"]),
        pa.array([7, None, 2**63], pa.uint64()),
        pa.array([7.0, -0.0, None, 2.0**53]),
        _decimals(38, 0, NEARBY[1], WIDE),
        pa.array([True]),
    ],
)
def test_records_of_a_table_have_the_ids_of_its_scored_file(
    ids: pa.Array, id_type: IdType, tmp_path: Path
) -> None:
    contract = replace(CONTRACT, id_type=id_type)
    _, values, codes = _scored(tmp_path, ids, id_type)
    for row, (value, code) in enumerate(zip(values, codes, strict=True)):
        parquet.write_table(put("customer", ids.slice(row, 1)), tmp_path / "one.parquet")
        if code is None:
            assert [record["customer"] for record in table_records(tmp_path / "one.parquet", contract)] == [
                value
            ]
        else:
            with pytest.raises(InvalidRecordsError) as caught:
                table_records(tmp_path / "one.parquet", contract)
            assert caught.value.faults == [ValueFault(0, "customer", code)]


# ---------------------------------------------------------------- columns whose names are nearly equal


def test_names_that_differ_in_case_alone_are_refused_wherever_a_table_is_read(
    fails: Callable[..., str], sample_table: pd.DataFrame, tmp_path: Path
) -> None:
    table = sample_table.assign(TENURE=sample_table["tenure"])
    for name in ("t.csv", "t.parquet"):
        path = tmp_path / name
        table.to_csv(path, index=False) if path.suffix == ".csv" else table.to_parquet(path)
        for words in (
            ("init", path, "--target", "Churn", "--out", tmp_path / "config.yaml"),
            ("train", path, "--out", tmp_path / "bundle"),
            ("validate", path),
        ):
            assert "case alone" in fails(*words)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["t.csv", "t.parquet"]


@pytest.mark.parametrize(("first", "second"), [("größe", "GRÖSSE"), ("é", "e\u0301"), ("é", "É"), ("ſ", "s")])
def test_names_that_fold_alike_are_two_names(first: str, second: str, tmp_path: Path) -> None:
    contract = replace(
        CONTRACT, features=tuple(replace(CONTRACT.numbers[0], name=name) for name in (first, second))
    )
    table = pa.table({"customer": ["a"], first: [1.0], second: [2.0]})
    parquet.write_table(table, tmp_path / "in.parquet")
    settings = BatchSettings(contributions=True)
    score_file(tmp_path / "in.parquet", tmp_path / "out.parquet", mirror(contract), settings)
    row = parquet.read_table(tmp_path / "out.parquet").to_pylist()[0]
    assert row["contributions"] == {first: 1.0, second: 2.0}
    labelled = pd.DataFrame(
        {"customer": ["a", "b"], first: [1.0, 2.0], second: [2.0, 1.0], "left": ["yes", "no"]}
    )
    assert validate_data(labelled, contract).ok


def test_names_that_differ_in_case_alone_are_refused_at_scoring(tmp_path: Path) -> None:
    assert refusal(tmp_path, put("Spent", [1.0])) == "duplicate-column"


# ---------------------------------------------------------------- bundles of format 1

OLD = Path(__file__).parent / "bundle_of_format_1"


@pytest.mark.parametrize("kind", ["text", "uint64"])
def test_a_bundle_of_format_1_scores_as_before(kind: str, tmp_path: Path) -> None:
    """Bundle, customers and scores were made at commit 4a00e65."""
    predictor = ChurnPredictor.load(OLD)
    settings = BatchSettings(contributions=True)
    score_file(OLD / f"{kind}_ids.parquet", tmp_path / "out.parquet", predictor, settings)
    scored = parquet.read_table(tmp_path / "out.parquet").drop_columns(["reject_column"])
    assert scored.equals(parquet.read_table(OLD / f"{kind}_ids_scored.parquet"))

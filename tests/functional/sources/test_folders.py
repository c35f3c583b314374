"""A folder, a pattern or a hive-partitioned folder gives what the same rows in one file give."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from churn_core.cli import main
from churn_core.data import load_table
from churn_core.errors import DataError
from tests.functional.customer_files import write_table

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def _printed(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    code = main([str(word) for word in words])
    printed = capsys.readouterr()
    assert (code, printed.err) == (0, "")
    return printed.out


@pytest.mark.parametrize("ending", [".parquet", ".csv"])
def test_parts_are_read_as_one_table(
    labelled: pd.DataFrame, in_parts: Callable[..., Path], tmp_path: Path, ending: str
) -> None:
    whole = load_table(write_table(labelled, tmp_path / f"whole{ending}"))
    folder = in_parts(ending=ending)
    for source in (folder, folder / "*", folder / f"part-?{ending}", folder.parent / "**" / f"part*{ending}"):
        parts = load_table(source)
        assert_frame_equal(parts, whole)
        assert parts.attrs == whole.attrs


@pytest.mark.parametrize("ending", [".parquet", ".csv"])
@pytest.mark.parametrize("command", ["validate", "evaluate", "drift"])
def test_commands_say_the_same_of_a_folder_as_of_a_file(
    labelled: pd.DataFrame,
    in_parts: Callable[..., Path],
    sample_bundle: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    command: str,
    ending: str,
) -> None:
    model = [] if command == "validate" else ["--model", sample_bundle]
    whole = write_table(labelled, tmp_path / f"whole{ending}")
    expected = _printed(capsys, command, whole, *model, "--json")
    assert _printed(capsys, command, in_parts(ending=ending), *model, "--json") == expected


@pytest.mark.parametrize("ending", [".parquet", ".csv"])
def test_partition_columns_are_features_of_the_model(
    in_parts: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], ending: str
) -> None:
    folder, config, model = (
        in_parts(ending=ending, folder="region=r{}"),
        tmp_path / "c.yaml",
        tmp_path / "model",
    )
    _printed(capsys, "init", folder, "--target", "Churn", "--out", config)
    assert "region:" in config.read_text()
    words = ["--config", config, "--out", model, "--model-type", "logistic_regression"]
    _printed(capsys, "train", folder, *words)
    manifest = json.loads((model / "manifest.json").read_text())
    features = {feature["name"]: feature for feature in manifest["contract"]["features"]}
    assert features["region"]["vocabulary"] == ["r0", "r1", "r2"]
    out = tmp_path / "scores"
    printed = _printed(capsys, "score", folder, out, "--model", model, "--json")
    assert json.loads(printed)["scored"] == 300
    # The same scores as those of a file that has the column.
    whole = write_table(load_table(folder), tmp_path / f"whole{ending}")
    _printed(capsys, "score", whole, tmp_path / "whole_scores.parquet", "--model", model)
    scores = pd.read_parquet(tmp_path / "whole_scores.parquet")["churn_probability"].tolist()
    parts = [pd.read_parquet(out / f"region=r{n}" / f"part-{n}.parquet", partitioning=None) for n in range(3)]
    assert pd.concat(parts)["churn_probability"].tolist() == scores
    # One partition alone still has its column.
    one = _printed(capsys, "score", folder / "region=r1", tmp_path / "one", "--model", model, "--json")
    assert json.loads(one)["scored"] == 100


def test_a_file_that_is_no_table_is_left_out_and_named(
    in_parts: Callable[..., Path], sample_bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = in_parts()
    (folder / "_SUCCESS").touch()
    (folder / "notes.md").touch()
    assert main(["evaluate", str(folder), "--model", str(sample_bundle)]) == 0
    assert capsys.readouterr().err == f"1 files of {folder} are no tables and are left out: notes.md.\n"


# ---------------------------------------------------------------- parts that fit each other, or not


def _loaded(tmp_path: Path, *parts: pd.DataFrame) -> pd.DataFrame:
    for number, part in enumerate(parts):
        part.to_parquet(tmp_path / f"{number}.parquet")
    return load_table(tmp_path)


def test_the_order_of_columns_may_differ(tmp_path: Path) -> None:
    table = _loaded(tmp_path, pd.DataFrame({"a": [1], "b": ["x"]}), pd.DataFrame({"b": ["y"], "a": [2]}))
    assert_frame_equal(table, pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}))


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (pd.Series([1], dtype="int32"), pd.Series([2**40]), [1, 2**40]),
        (pd.Series([1]), pd.Series([None, 2], dtype="Int64"), [1, None, 2]),
        (pd.Series([1]), pd.Series([2.5, None]), [1.0, 2.5, None]),
        (pd.Series([0.5], dtype="float32"), pd.Series([0.1]), [0.5, 0.1]),
        (pd.Series([2**64 - 1], dtype="uint64"), pd.Series([-1]), [2**64 - 1, -1]),
        (pd.Series([True]), pd.Series([None, False], dtype="boolean"), [True, None, False]),
        (pd.Series(["x"]), pd.Series([None], dtype=object), ["x", None]),
        (pd.Series([None], dtype=object), pd.Series([2**60]), [None, 2**60]),
        (pd.Series([None], dtype=object), pd.Series([True]), [None, True]),
        (pd.Series([None], dtype=object), pd.Series([None], dtype=object), [None, None]),
    ],
)
def test_types_that_hold_the_same_values_are_joined(
    tmp_path: Path, first: pd.Series[int], second: pd.Series[int], expected: list[object]
) -> None:
    column = _loaded(tmp_path, first.to_frame("a"), second.to_frame("a"))["a"]
    found = [
        None if missing else value for value, missing in zip(column.tolist(), column.isna(), strict=True)
    ]
    assert found == expected
    assert [type(value) for value in found] == [type(value) for value in expected]


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        ({"a": [1]}, {"a": ["x"]}, r"'a' holds text in 1\.parquet, but whole numbers in 0\.parquet"),
        ({"a": [True]}, {"a": [1]}, r"'a' holds whole numbers in 1\.parquet, but booleans in 0\.parquet"),
        ({"a": [2**60]}, {"a": [0.5]}, r"whole numbers above 2\^53 in 0\.parquet"),
        ({"a": [1], "b": [1]}, {"a": [1]}, r"'b' is not in 1\.parquet, but in 0\.parquet"),
        ({"a": [1]}, {"a": [1], "b": [1]}, r"'b' is in 1\.parquet, but not in 0\.parquet"),
    ],
)
def test_parts_that_do_not_fit_each_other_are_refused(
    tmp_path: Path, first: dict[str, list[object]], second: dict[str, list[object]], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        _loaded(tmp_path, pd.DataFrame(first), pd.DataFrame(second))


def test_the_first_lines_of_files_without_a_header_are_not_shown(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("Ada,1\n")
    (tmp_path / "b.csv").write_text("Bob,2\n")
    with pytest.raises(DataError) as raised:
        load_table(tmp_path)
    assert str(raised.value) == "b.csv has other columns than a.csv; write all parts with the same columns."


def test_columns_that_the_contract_does_not_name_may_differ(
    labelled: pd.DataFrame,
    in_parts: Callable[..., Path],
    sample_bundle: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = in_parts()
    write_table(labelled.tail(100).assign(note="x"), folder / "part-2.parquet")
    assert "\n" in _printed(capsys, "evaluate", folder, "--model", sample_bundle)


def test_a_partition_column_that_is_also_in_the_file_is_refused(
    in_parts: Callable[..., Path], sample_bundle: Path, tmp_path: Path, fails: Callable[..., str]
) -> None:
    folder = in_parts(folder="gender=g{}")
    message = "is in"
    assert message in fails("validate", folder)
    assert message in fails("score", folder, tmp_path / "out", "--model", sample_bundle)


@pytest.mark.parametrize("ending", [".parquet", ".csv"])
def test_a_part_that_lacks_a_column_is_named(
    labelled: pd.DataFrame,
    in_parts: Callable[..., Path],
    sample_bundle: Path,
    tmp_path: Path,
    fails: Callable[..., str],
    ending: str,
) -> None:
    folder = in_parts(ending=ending)
    write_table(labelled.drop(columns="tenure"), folder / f"part-2{ending}")
    for words in (["validate", folder], ["score", folder, tmp_path / "out"], ["drift", folder]):
        model = [] if words[0] == "validate" else ["--model", sample_bundle]
        message = fails(*words, *model)
        assert "'tenure'" in message
        assert f"part-2{ending}" in message


def test_a_folder_is_no_input_of_predict(
    in_parts: Callable[..., Path], sample_bundle: Path, fails: Callable[..., str]
) -> None:
    folder = in_parts()
    for source in (folder, folder / "*.parquet"):
        assert "folder or several files" in fails("predict", source, "--model", sample_bundle)

"""Bad tables end with an exit code and one sentence, without a traceback or a partial output."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from churn_core.cli import main
from tests.functional.customer_files import CANARY, empty_file, write_table

if TYPE_CHECKING:
    from collections.abc import Callable


def missing_column(table: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    return table.drop(columns="tenure"), "tenure"


def text_in_a_number_column(table: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    return table.assign(MonthlyCharges=[CANARY, *table["MonthlyCharges"].astype(str)[1:]]), "MonthlyCharges"


def all_missing_column(table: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    return table.assign(TotalCharges=np.nan), "TotalCharges"


def infinite_number(table: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    return table.assign(MonthlyCharges=[np.inf, *table["MonthlyCharges"][1:]]), "MonthlyCharges"


def number_beyond_float32(table: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    return table.assign(MonthlyCharges=[1e39, *table["MonthlyCharges"][1:]]), "MonthlyCharges"


def zero_rows(table: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    return table.head(0), "no rows"


def one_row(table: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    return table.head(1), "Churn"


def unknown_label(table: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    return table.assign(Churn=[CANARY, *table["Churn"][1:]]), "Churn"


FAULTY_TABLES = (
    *(missing_column, text_in_a_number_column, all_missing_column, infinite_number),
    *(number_beyond_float32, zero_rows, one_row, unknown_label),
)


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
@pytest.mark.parametrize("fault", FAULTY_TABLES)
def test_training_refuses_a_faulty_table_and_names_the_column(
    fault: Callable[[pd.DataFrame], tuple[pd.DataFrame, str]],
    ending: str,
    customers: pd.DataFrame,
    fails: Callable[..., str],
    tmp_path: Path,
) -> None:
    table, named = fault(customers)
    path = write_table(table, tmp_path / f"table{ending}")
    assert named in fails("train", path, "--out", tmp_path / "bundle")
    assert not (tmp_path / "bundle").exists()


def wrong_delimiter(path: Path, table: pd.DataFrame) -> None:
    table.to_csv(path, index=False, sep=";")


def duplicate_column(path: Path, table: pd.DataFrame) -> None:
    table.rename(columns={"Partner": "gender"}).to_csv(path, index=False)


@pytest.mark.parametrize(
    ("fault", "word"),
    [(wrong_delimiter, "comma"), (duplicate_column, "gender"), (empty_file, "empty")],
)
def test_training_refuses_an_invalid_csv_file(
    fault: Callable[[Path, pd.DataFrame], None],
    word: str,
    customers: pd.DataFrame,
    fails: Callable[..., str],
    tmp_path: Path,
) -> None:
    path = tmp_path / "table.csv"
    fault(path, customers)
    assert word in fails("train", path, "--out", tmp_path / "bundle")


@pytest.mark.parametrize("command", ["train", "validate", "evaluate"])
def test_a_missing_file_is_named(
    command: str, fails: Callable[..., str], sample_bundle: Path, tmp_path: Path
) -> None:
    model = ["--model", sample_bundle] if command == "evaluate" else []
    assert "nowhere.csv" in fails(command, tmp_path / "nowhere.csv", *model)


def test_extra_columns_are_ignored(
    customers: pd.DataFrame, sample_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = write_table(customers, tmp_path / "plain.parquet")
    extra = write_table(customers.assign(mood=CANARY, **{"; DROP TABLE x": 1}), tmp_path / "extra.parquet")
    for source in (plain, extra):
        assert (
            main(
                ["score", str(source), str(source.with_suffix(".out.parquet")), "--model", str(sample_bundle)]
            )
            == 0
        )
    assert plain.with_suffix(".out.parquet").read_bytes() == extra.with_suffix(".out.parquet").read_bytes()

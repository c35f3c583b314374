"""Columns match by their exact names; nearly equal names are named, and accepted only if asked."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from churn_core.cli import main
from churn_core.data import load_table
from churn_core.errors import DataError
from churn_core.scoring.files.score_file import score_file
from churn_core.scoring.files.scoring_pass import BatchSettings
from churn_core.scoring.predictor import ChurnPredictor
from tests.functional.customer_files import write_table

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

OPTION = "--match-case-insensitive"


def _upper(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table as Snowflake writes it, with a blank at the end of a name."""
    return table.rename(columns=str.upper).rename(columns={"TENURE": "TENURE "})


@pytest.fixture(params=["in.parquet", "in.csv"])
def source(request: pytest.FixtureRequest, labelled: pd.DataFrame, tmp_path: Path) -> Path:
    return write_table(_upper(labelled), tmp_path / request.param)


def _words(command: str, source: Path, model: Path, tmp_path: Path) -> list[str]:
    more = {
        "score": [tmp_path / "out.parquet", "--model", model],
        "predict": ["--model", model],
        "evaluate": ["--model", model],
        "drift": ["--model", model],
        "validate": [],
        "train": ["--out", tmp_path / "model", "--model-type", "logistic_regression"],
    }
    return [command, str(source), *map(str, more[command])]


COMMANDS = ["score", "predict", "evaluate", "drift", "validate", "train"]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_nearly_equal_name_is_named_with_the_option_that_accepts_it(
    command: str, source: Path, sample_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(_words(command, source, sample_bundle, tmp_path)) == 1
    message = capsys.readouterr().err
    near = "'GENDER'" if command == "predict" else "'CUSTOMERID'"
    assert f"{near} differs in case; rename it, or add {OPTION}" in message


@pytest.mark.parametrize("command", COMMANDS)
def test_the_option_gives_what_exact_names_give(
    command: str,
    source: Path,
    labelled: pd.DataFrame,
    sample_bundle: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "exact").mkdir()
    # A report names its table.
    exact = write_table(labelled, tmp_path / "exact" / source.name)
    printed = []
    for name, option in ((source, [OPTION]), (exact, [])):
        assert main([*_words(command, name, sample_bundle, tmp_path), "--json", *option]) == 0
        printed.append(json.loads(capsys.readouterr().out))
    for content in printed:
        if isinstance(content, dict):
            content.pop("seconds", None)
    assert printed[0] == printed[1]


def test_parts_of_a_folder_are_matched_one_by_one(
    labelled: pd.DataFrame, sample_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "table"
    (folder / "GENDER=Male").mkdir(parents=True)
    rows = labelled.drop(columns="gender")
    write_table(_upper(rows.head(100)), folder / "GENDER=Male" / "a.parquet")
    write_table(rows.tail(100), folder / "GENDER=Male" / "b.parquet")
    for words in (["validate", folder], ["score", folder, tmp_path / "out"], ["evaluate", folder]):
        model = [] if words[0] == "validate" else ["--model", sample_bundle]
        assert main([*map(str, [*words, *model]), OPTION]) == 0
    assert "200 rows, 200 scored" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["in.parquet", "in.csv"])
def test_names_that_match_several_columns_are_refused(
    labelled: pd.DataFrame,
    sample_bundle: Path,
    tmp_path: Path,
    fails: Callable[..., str],
    name: str,
) -> None:
    table = labelled.rename(columns={"tenure": "Tenure"}).assign(**{" tenure": labelled["tenure"]})
    source = write_table(table, tmp_path / name)
    message = fails("score", source, tmp_path / "out.parquet", "--model", sample_bundle, OPTION)
    assert "Both 'Tenure' and ' tenure' match column 'tenure'" in message


def test_an_exact_name_wins(labelled: pd.DataFrame, sample_bundle: Path, tmp_path: Path) -> None:
    predictor = ChurnPredictor.load(sample_bundle)
    exact = write_table(labelled, tmp_path / "exact.parquet")
    both = write_table(labelled.assign(**{" tenure": -1}), tmp_path / "both.parquet")
    settings = BatchSettings(match_case_insensitive=True)
    score_file(exact, tmp_path / "exact_scores.parquet", predictor)
    score_file(both, tmp_path / "both_scores.parquet", predictor, settings)
    scores = (tmp_path / f"{name}_scores.parquet" for name in ("exact", "both"))
    assert len({path.read_bytes() for path in scores}) == 1
    table = load_table(both, predictor.contract, match_case_insensitive=True)
    assert table["tenure"].tolist() == labelled["tenure"].tolist()


def test_two_needed_names_never_share_a_column(tmp_path: Path, labelled: pd.DataFrame) -> None:
    from churn_core.scoring.column_names import match_names

    with pytest.raises(DataError, match="'GRÖSSE' matches both 'größe' and 'grösse'"):
        match_names(["größe", "grösse"], ["GRÖSSE"])
    assert match_names(["größe", "GRÖSSE"], ["GRÖSSE", " Größe"]) == {" Größe": "größe"}

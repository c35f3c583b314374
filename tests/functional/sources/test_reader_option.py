"""`--reader KEY=VALUE` replaces rules of the section `reader` for one call."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from churn_core.cli import main
from churn_core.errors import ConfigError
from churn_core.reader_rules import Dialect, ReaderRules, TextRules
from churn_core.reader_settings import overridden_rules
from churn_core.scoring.predictor import ChurnPredictor
from tests.functional.customer_files import write_table

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from churn_core.schema import Contract

DECLARED = ReaderRules(
    TextRules(missing_tokens=("NA",), date_formats=(("since", "DD.MM.YYYY"),)), Dialect(encoding="cp1252")
)


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ([], DECLARED),
        (["decimal=,"], replace(DECLARED, text=replace(DECLARED.text, decimal=","))),
        (["decimal=comma"], replace(DECLARED, text=replace(DECLARED.text, decimal=","))),
        (
            ["decimal=,", "thousands=.", "delimiter=;"],
            ReaderRules(
                replace(DECLARED.text, decimal=",", thousands="."), replace(DECLARED.dialect, delimiter=";")
            ),
        ),
        (["delimiter=tab"], replace(DECLARED, dialect=replace(DECLARED.dialect, delimiter="\t"))),
        (["delimiter=\\t"], replace(DECLARED, dialect=replace(DECLARED.dialect, delimiter="\t"))),
        (["thousands=space"], replace(DECLARED, text=replace(DECLARED.text, thousands=" "))),
        (["thousands='", "thousands=none"], DECLARED),
        (["quote='"], replace(DECLARED, dialect=replace(DECLARED.dialect, quote="'"))),
        (["encoding=UTF8"], replace(DECLARED, dialect=replace(DECLARED.dialect, encoding="utf-8"))),
        (["header_line=3"], replace(DECLARED, dialect=replace(DECLARED.dialect, header_line=3))),
        (["missing_tokens=?,-"], replace(DECLARED, text=replace(DECLARED.text, missing_tokens=("?", "-")))),
        (["missing_tokens="], replace(DECLARED, text=replace(DECLARED.text, missing_tokens=()))),
        (
            ['missing_tokens=["a,b", "="]'],
            replace(DECLARED, text=replace(DECLARED.text, missing_tokens=("a,b", "="))),
        ),
        (
            ["date_formats.since=MM/DD/YYYY", "date_formats.a.b=YYYY-MM-DD"],
            replace(
                DECLARED,
                text=replace(DECLARED.text, date_formats=(("since", "MM/DD/YYYY"), ("a.b", "YYYY-MM-DD"))),
            ),
        ),
    ],
)
def test_an_override_replaces_one_rule(overrides: list[str], expected: ReaderRules) -> None:
    assert overridden_rules(DECLARED, overrides) == expected


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("delimeter=;", "--reader delimeter is no key of the section reader; did you mean delimiter?"),
        ("colour=;", "write one of delimiter, "),
        ("decimal", "write KEY=VALUE"),
        ("decimal=;", "--reader decimal"),
        ("delimiter=;;", "--reader delimiter"),
        ("header_line=x", "--reader header_line"),
        ("encoding=latin-99", "--reader encoding: is no text encoding"),
        ("thousands=.", "thousands and decimal must differ"),
        ("date_formats=x", "did you mean date_formats.COLUMN?"),
        ("date_formats.since=YYYY", "--reader date_formats"),
        ("missing_tokens=[", "is no JSON list"),
    ],
)
def test_a_key_or_value_that_is_not_allowed_is_named(override: str, message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        overridden_rules(DECLARED, [override])
    assert message in str(raised.value)


@pytest.fixture
def contracts(monkeypatch: pytest.MonkeyPatch) -> list[Contract | None]:
    """The data contracts by which tables are read."""
    from churn_core.data import csv_files, loading

    found: list[Contract | None] = []

    def load_csv(path: Any, contract: Contract | None = None) -> pd.DataFrame:
        found.append(contract)
        return csv_files.load_csv(path, contract)

    for module in (loading, __import__("churn_core.data", fromlist=["load_csv"])):
        monkeypatch.setattr(module, "load_csv", load_csv)
    return found


@pytest.mark.parametrize("command", ["train", "validate", "evaluate", "drift", "score", "predict"])
def test_the_override_reaches_the_contract_that_tables_are_read_by(
    command: str,
    labelled: pd.DataFrame,
    sample_bundle: Path,
    tmp_path: Path,
    contracts: list[Contract | None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    source = write_table(labelled, tmp_path / "in.csv")
    more: dict[str, list[object]] = {
        "train": ["--out", tmp_path / "model", "--model-type", "logistic_regression"],
        "score": [tmp_path / "out.parquet", "--model", sample_bundle],
        "validate": [],
    }
    words = [command, source, *more.get(command, ["--model", sample_bundle]), "--reader", "missing_tokens=?"]
    assert main(list(map(str, words))) == 0, capsys.readouterr().err
    assert [contract.reader.text.missing_tokens for contract in contracts if contract] == [("?",)]
    if command == "train":
        manifest = json.loads((tmp_path / "model" / "manifest.json").read_text())
        assert manifest["contract"]["reader"]["missing_tokens"] == ["?"]


@pytest.mark.parametrize("command", ["init", "train", "validate", "evaluate", "drift", "score", "predict"])
def test_every_command_refuses_an_unknown_key(
    command: str, labelled: pd.DataFrame, sample_bundle: Path, tmp_path: Path, fails: Callable[..., str]
) -> None:
    source = write_table(labelled, tmp_path / "in.csv")
    more: dict[str, list[object]] = {
        "init": ["--target", "Churn", "--out", tmp_path / "c.yaml"],
        "train": ["--out", tmp_path / "model"],
        "score": [tmp_path / "out.parquet", "--model", sample_bundle],
        "validate": [],
    }
    words = [source, *more.get(command, ["--model", sample_bundle])]
    assert "did you mean delimiter?" in fails(command, *words, "--reader", "delimeter=;")


def test_golden_rows_are_checked_by_the_bundles_own_rules(sample_bundle: Path) -> None:
    predictor = ChurnPredictor.load(sample_bundle)
    rules = overridden_rules(predictor.contract.reader, ["decimal=,", "thousands=."])
    other = predictor.with_contract(replace(predictor.contract, reader=rules))
    assert other.contract.reader == other.bundle.contract.reader == rules
    assert predictor.contract.reader == predictor.bundle.contract.reader != rules
    assert other.bundle.model_digest == predictor.bundle.model_digest

"""`--reader KEY=VALUE` replaces rules of the section `reader` for one call."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from churn_core.cli import main
from churn_core.errors import ConfigError
from churn_core.reader_rules import Dialect, ReaderRules, TextRules
from churn_core.reader_settings import overridden_rules
from churn_core.scoring.predictor import ChurnPredictor
from tests.functional.customer_files import write_table

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pandas as pd


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


COMMANDS = ("init", "train", "validate", "evaluate", "drift", "score", "predict")


def _words(command: str, source: Path, model: Path, tmp_path: Path) -> list[str]:
    more: dict[str, list[object]] = {
        "init": ["--target", "Churn", "--out", tmp_path / "c.yaml", "--force"],
        "train": ["--out", tmp_path / "model", "--model-type", "logistic_regression"],
        "score": [tmp_path / "out.parquet", "--model", model],
        "validate": [],
    }
    return [command, *map(str, [source, *more.get(command, ["--model", model])])]


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_reads_text_by_the_override(
    command: str,
    labelled: pd.DataFrame,
    sample_bundle: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "commas").mkdir()
    plain = write_table(labelled, tmp_path / "commas" / "in.csv")
    bars = tmp_path / "in.csv"
    labelled.to_csv(bars, index=False, sep="|")
    printed = []
    for source, override in ((plain, []), (bars, ["--reader", "delimiter=|"])):
        words = [*_words(command, source, sample_bundle, tmp_path), "--json", *override]
        assert main(words) == 0, capsys.readouterr().err
        content = json.loads(capsys.readouterr().out)
        # The model keeps the rules that its table was read by, so it is another model.
        changing = ("seconds", "model_version", "folder") if command == "train" else ("seconds",)
        if isinstance(content, dict):
            content = {name: value for name, value in content.items() if name not in changing}
        printed.append(content)
    assert printed[0] == printed[1]
    if command == "train":
        manifest = json.loads((tmp_path / "model" / "manifest.json").read_text())
        assert manifest["contract"]["reader"]["delimiter"] == "|"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_refuses_an_unknown_key(
    command: str, labelled: pd.DataFrame, sample_bundle: Path, tmp_path: Path, fails: Callable[..., str]
) -> None:
    source = write_table(labelled, tmp_path / "in.csv")
    words = _words(command, source, sample_bundle, tmp_path)
    assert "did you mean delimiter?" in fails(*words, "--reader", "delimeter=;")


def test_golden_rows_are_checked_by_the_bundles_own_rules(sample_bundle: Path) -> None:
    predictor = ChurnPredictor.load(sample_bundle)
    rules = overridden_rules(predictor.contract.reader, ["decimal=,", "thousands=."])
    other = predictor.with_contract(replace(predictor.contract, reader=rules))
    assert other.contract.reader == other.bundle.contract.reader == rules
    assert predictor.contract.reader == predictor.bundle.contract.reader != rules
    assert other.bundle.model_digest == predictor.bundle.model_digest

"""What files and answers hold for people: reasons as sentences, kept columns, why a row was rejected."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow.parquet as pq
import pytest

from churn_core.config import parse_config
from churn_core.errors import ConfigError, InputFileError
from churn_core.schema import CategoryFeature, Contract, Description, NumberFeature
from churn_core.scoring.files.score_file import score_file
from churn_core.scoring.output_rules import OutputRules
from churn_core.scoring.predictor import ChurnPredictor
from churn_core.scoring.reason_words import ReasonWords
from tests.mirror_model import mirror

if TYPE_CHECKING:
    from pathlib import Path

    from churn_core.config import Settings

CONTRACT = Contract(
    (
        NumberFeature("months", expected=(-10, 10), description=Description("Months as a customer")),
        NumberFeature("fee", minimum=-100, maximum=100),
        CategoryFeature("plan", ("basic", "gold")),
        CategoryFeature("flag", ("false", "true"), values="boolean"),
        CategoryFeature("region", ("north",), required=True),
    ),
    "target",
    "1",
    "0",
    id_column="customer",
)
ROW = {"customer": "c1", "months": 0.1, "fee": -2.5, "plan": "gold", "flag": 0, "region": "north"}
"""The model's contributions are the encoded row: 0.1, -2.5, 1, 0, 0."""


def predictor_with(contract: Contract = CONTRACT, **rules: Any) -> ChurnPredictor:
    """Return the mirror model with rules for its output."""
    return ChurnPredictor(replace(mirror(contract).bundle, output=OutputRules(**rules)))


def scored(predictor: ChurnPredictor, rows: list[dict[str, Any]], source: Path) -> list[dict[str, Any]]:
    """Score rows from a file of the given kind; return the rows of the output."""
    table = pd.DataFrame(rows)
    if source.suffix == ".parquet":
        table.to_parquet(source)
    elif source.suffix == ".csv":
        table.to_csv(source, index=False)
    else:
        source.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    out = source.with_name("out.parquet")
    score_file(source, out, predictor)
    found: list[dict[str, Any]] = pq.read_table(out).to_pylist()
    return found


KINDS = ["in.parquet", "in.csv", "in.jsonl"]


@pytest.mark.parametrize("name", KINDS)
def test_reasons_are_sentences_with_label_value_effect_and_strength(name: str, tmp_path: Path) -> None:
    row = scored(predictor_with(reason_texts=True), [ROW], tmp_path / name)[0]
    assert row["reason_1_text"] == "plan is gold: strongly raises the risk"
    assert row["reason_2_text"] == "Months as a customer is 0.1: slightly raises the risk"
    assert row["reason_3_text"] is None
    assert row["keeps_1"] == "fee is -2.5: strongly lowers the risk"
    answer = predictor_with(reason_texts=True).predict(ROW)
    assert [reason["text"] for reason in answer["reasons"]] == [row["reason_1_text"], row["reason_2_text"]]
    assert answer["keeps"]["text"] == row["keeps_1"]
    assert answer["reasons"][0] == {
        "feature": "plan",
        "value_kind": "known",
        "contribution": 1.0,
        "label": "plan",
        "value": "gold",
        "effect": "raises",
        "strength": "strongly",
        "text": "plan is gold: strongly raises the risk",
    }


def test_without_the_option_there_are_no_sentences(tmp_path: Path) -> None:
    row = scored(predictor_with(), [ROW], tmp_path / "in.parquet")[0]
    assert not {name for name in row if name.endswith("_text") or name.startswith("keeps")}


def test_missing_unknown_and_boolean_values_have_words_of_their_own(tmp_path: Path) -> None:
    rows = [ROW | {"plan": None}, ROW | {"plan": "other"}, ROW | {"flag": 1}]
    found = scored(predictor_with(reason_texts=True), rows, tmp_path / "in.parquet")
    texts = [{row["reason_1_text"], row["reason_2_text"]} for row in found]
    assert "plan is missing: strongly raises the risk" in texts[0]
    assert "plan is a value never seen before: strongly raises the risk" in texts[1]
    assert "flag is yes: strongly raises the risk" in texts[2]


def test_another_language_has_its_own_sentence_and_decimal_mark(tmp_path: Path) -> None:
    words = ReasonWords(reason="{label} = {value}: {effect} {strength}", raises="hebt", decimal=",")
    row = scored(predictor_with(reason_texts=True, words=words), [ROW], tmp_path / "in.csv")[0]
    assert row["reason_2_text"] == "Months as a customer = 0,1: hebt slightly"


@pytest.mark.parametrize("name", KINDS)
def test_kept_columns_come_last_and_as_text(name: str, tmp_path: Path) -> None:
    rows = [ROW | {"phone": "+1 555", "plan": "gold"}, ROW | {"phone": None}]
    found = scored(predictor_with(keep=("phone", "plan")), rows, tmp_path / name)
    assert list(found[0])[-2:] == ["phone", "plan"]
    assert [row["phone"] for row in found] == ["+1 555", None]
    assert [row["plan"] for row in found] == ["gold", "gold"]


def test_a_kept_column_that_the_file_lacks_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputFileError, match="'phone' is missing"):
        scored(predictor_with(keep=("phone",)), [ROW], tmp_path / "in.parquet")


def test_a_kept_text_that_a_spreadsheet_would_run_gets_an_apostrophe_in_csv(tmp_path: Path) -> None:
    pd.DataFrame([ROW | {"name": "=1+1"}]).to_parquet(tmp_path / "in.parquet")
    score_file(tmp_path / "in.parquet", tmp_path / "out.csv", predictor_with(keep=("name",)))
    with (tmp_path / "out.csv").open(encoding="utf-8") as file:
        assert next(csv.DictReader(file))["name"] == "'=1+1"


@pytest.mark.parametrize("name", KINDS)
def test_the_column_of_the_first_fault_is_named(name: str, tmp_path: Path) -> None:
    rows = [ROW, ROW | {"fee": 1e6}, ROW | {"region": None}, ROW | {"fee": 1e6, "region": None}]
    found = scored(predictor_with(), rows, tmp_path / name)
    assert [row["reject_column"] for row in found] == [None, "fee", "region", "fee"]
    assert [row["reject_code"] for row in found] == [None, "out_of_range", "missing", "out_of_range"]


@pytest.mark.parametrize("name", KINDS)
def test_unexpected_values_are_scored_and_named(name: str, tmp_path: Path) -> None:
    rows = [ROW, ROW | {"months": 11}, ROW | {"plan": None}, ROW | {"plan": "x", "months": -11}]
    predictor = predictor_with()
    found = scored(predictor, rows, tmp_path / name)
    assert [row["warnings"] for row in found] == [None, "months", "plan", "months,plan"]
    assert {row["status"] for row in found} == {"scored"}
    answers = predictor.predict(rows)
    assert [",".join(answer["warnings"]) or None for answer in answers] == [r["warnings"] for r in found]
    assert [answer["churn_probability"] for answer in answers] == [r["churn_probability"] for r in found]


def test_the_counts_of_a_file_tell_the_kinds_of_warnings_apart(tmp_path: Path) -> None:
    pd.DataFrame([ROW | {"months": 11}, ROW | {"plan": None}, ROW | {"plan": "x"}]).to_parquet(
        tmp_path / "in.parquet"
    )
    result = score_file(tmp_path / "in.parquet", tmp_path / "out.parquet", predictor_with())
    assert (result.unexpected, result.missing, result.unknown) == ({"months": 1}, {"plan": 1}, {"plan": 1})


def test_features_of_a_group_share_one_reason(tmp_path: Path) -> None:
    group = Description(reason_group="charges")
    features = [replace(f, description=group) for f in CONTRACT.features[:2]]
    contract = replace(CONTRACT, features=(*features, *CONTRACT.features[2:]))
    predictor = predictor_with(contract, reason_texts=True)
    # months gives 3 and fee 1; together they give 4 under the name of the stronger one.
    row = scored(predictor, [ROW | {"months": 3.0, "fee": 1.0}], tmp_path / "in.parquet")[0]
    assert (row["reason_1"], row["reason_2"]) == ("months", "plan")
    reasons = predictor.predict(ROW | {"months": 3.0, "fee": 1.0})["reasons"]
    assert [(reason["feature"], reason["contribution"]) for reason in reasons] == [
        ("months", 4.0),
        ("plan", 1.0),
    ]


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ({"keep": ["risk"]}, "'risk' is already a column of scored files"),
        ({"keep": ["customerID"]}, "'customerID' is already"),
        ({"keep": ["name", "name"]}, "listed twice"),
        ({"keep": ["name", "Name"]}, "differ in case"),
        ({"language": "xx"}, "must be one of de, en, es, fr, it, nl, pt"),
        ({"language": "none.yaml"}, "can't be read"),
    ],
)
def test_output_settings_that_can_t_work_are_refused(
    settings: Settings, output: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_config(settings.model_dump() | {"output": output})


def test_words_may_come_from_a_file(settings: Settings, tmp_path: Path) -> None:
    words = tmp_path / "words.yaml"
    words.write_text(
        'yes: "ja"\nno: "nej"\nreason: "{label} {value} {effect} {strength}"\n', encoding="utf-8"
    )
    read = parse_config(settings.model_dump() | {"output": {"language": str(words)}}).output.rules.words
    assert (read.yes, read.no, read.raises) == ("ja", "nej", "raises")
    words.write_text('reason: "{label}"\n', encoding="utf-8")
    with pytest.raises(ConfigError, match=r"must contain \{value\} once"):
        parse_config(settings.model_dump() | {"output": {"language": str(words)}})


@pytest.mark.parametrize("language", ["de", "en", "es", "fr", "it", "nl", "pt"])
def test_every_language_has_a_sentence(settings: Settings, language: str) -> None:
    words = parse_config(settings.model_dump() | {"output": {"language": language}}).output.rules.words
    assert words.sentence("Plan {value}", "x", 1.0).startswith("Plan {value} ")

"""The way from a company's own table to a call list has no dead end."""

from __future__ import annotations

import io
import json
import sys
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
import yaml

from churn_core.cli import main
from churn_core.cli.early_checks import usage_message
from churn_core.cli.progress import Progress, progress_text
from churn_core.config import load_config, parse_config
from churn_core.errors import ConfigError
from churn_core.scoring.bundle import load_bundle
from tests.functional.customer_files import write_table

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FAST = ("--quick", "--model-type", "logistic_regression")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sample_table: pd.DataFrame) -> Path:
    """An own folder with a table whose names the sample's configuration does not know."""
    monkeypatch.chdir(tmp_path)
    own = sample_table.rename(columns=lambda name: f"my {name}")
    write_table(own, tmp_path / "Kunden 2026.csv")
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    assert main([str(word) for word in words]) == 0
    return capsys.readouterr().out


def test_init_writes_what_train_takes_and_the_scores_are_a_call_list(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    printed = run(capsys, "init", "Kunden 2026.csv", "--target", "my Churn")
    assert "Next: churn train 'Kunden 2026.csv'\n" in printed
    trained = run(capsys, "train", "Kunden 2026.csv", *FAST)
    assert "Configuration: config.yaml.\n" in trained
    assert load_bundle(here / "models" / "churn").manifest["name"] == "kunden-2026"
    scored = run(capsys, "score", "Kunden 2026.csv", "calls.csv", "--top", 10)
    assert "these rows are the table that the model was trained on" in scored
    assert len(pd.read_csv(here / "calls.csv")) == 10


def test_the_offered_sections_are_valid_when_they_are_uncommented(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(capsys, "init", "Kunden 2026.csv", "--target", "my Churn")
    text = (here / "config.yaml").read_text(encoding="utf-8")
    lines, inside = [], False
    for line in text.splitlines():
        inside = line in ("# decision:", "# evaluation:", "# output:") or (inside and line.startswith("#   "))
        lines.append(line.removeprefix("# ") if inside else line)
    settings = parse_config(yaml.safe_load("\n".join(lines)))
    assert settings.decision.money is not None
    assert settings.decision.money.currency == "EUR"
    assert settings.output.reason_texts
    assert load_config(here / "config.yaml").decision.money is None


def test_another_table_is_called_that(here: Path, fails: Callable[..., str], sample_bundle: Path) -> None:
    refused = fails("score", "Kunden 2026.csv", "out.csv", "--model", sample_bundle)
    assert "has none of the model's columns" in refused
    mixed = pd.read_csv("Kunden 2026.csv").rename(columns={"my gender": "gender", "my tenure": "tenure"})
    mixed.to_parquet("mixed.parquet")
    refused = fails("score", "mixed.parquet", "out.csv", "--model", sample_bundle)
    assert "2 of 19 match" in refused
    assert "'gender'" in refused


def test_training_with_the_configuration_of_another_table_says_so(here: Path) -> None:
    del here
    assert main(["train", "Kunden 2026.csv", *FAST]) == 1
    assert main(["validate", "Kunden 2026.csv"]) == 1


def test_a_wrong_name_is_answered_without_heavy_imports(here: Path) -> None:
    import subprocess

    script = (
        "import sys; from churn_core.cli import main; code = main(sys.argv[1:]);"
        "print(code, sorted({'pandas', 'sklearn', 'duckdb', 'pydantic'} & set(sys.modules)))"
    )
    for words in (
        ["train", "Kunden 2027.csv"],
        ["train", "Kunden 2026.csv", "--config", "konfig.yaml"],
        ["score", "Kunden 2027.csv", "out.csv"],
        ["evaluate", "Kunden 2027.csv"],
        ["drift", "Kunden 2027.csv"],
        ["init", "Kunden 2027.csv", "--target", "x"],
    ):
        done = subprocess.run(
            [sys.executable, "-c", script, *words], capture_output=True, text=True, check=True, cwd=here
        )
        assert done.stdout == "1 []\n", words
        assert "konfig.yaml" in done.stderr or "did you mean Kunden 2026.csv?" in done.stderr


@pytest.mark.parametrize(
    ("message", "nearest"),
    [
        ("argument COMMAND: invalid choice: 'trian' (choose from 'init', 'train')", "'train'"),
        ("unrecognized arguments: --modle x", "'--model'"),
        ("unrecognized arguments: --modle=x", "'--model'"),
    ],
)
def test_an_unknown_command_or_option_names_the_nearest(message: str, nearest: str) -> None:
    assert f"(did you mean {nearest}?)" in usage_message(message, ["train", "score", "--model", "--config"])


@pytest.mark.parametrize(
    ("change", "nearest"),
    [
        ({"outputs": {}}, "'output'"),
        ({"output": {"reason_text": True}}, "'reason_texts'"),
        ({"decision": {"thresholds": 0.3}}, "'threshold'"),
        ({"evaluation": {"fold": 3}}, "'folds'"),
    ],
)
def test_an_unknown_key_names_the_nearest(change: dict[str, Any], nearest: str) -> None:
    content = load_config().model_dump() | change
    with pytest.raises(ConfigError, match=rf"did you mean {nearest}\?"):
        parse_config(content)


def test_an_unknown_key_of_a_column_names_the_nearest() -> None:
    content = load_config().model_dump(exclude_unset=True)
    content["data"]["features"] = {"tenure": {"kind": "number", "minimums": 0}}
    with pytest.raises(ConfigError, match=r"tenure.*did you mean 'minimum'\?"):
        parse_config(content)


def test_the_model_of_another_project_is_replaced_only_on_request(
    here: Path, sample_table: pd.DataFrame, capsys: pytest.CaptureFixture[str], fails: Callable[..., str]
) -> None:
    write_table(sample_table, here / "telco.parquet")
    run(capsys, "train", "telco.parquet", *FAST)
    run(capsys, "init", "Kunden 2026.csv", "--target", "my Churn")
    refused = fails("train", "Kunden 2026.csv", *FAST)
    assert "the model of project 'churn', and this one is 'kunden-2026'" in refused
    run(capsys, "train", "Kunden 2026.csv", *FAST, "--replace")
    run(capsys, "train", "Kunden 2026.csv", *FAST)
    manifest = load_bundle(here / "models" / "churn").manifest
    assert (manifest["name"], manifest["quick"], manifest["table"]) == (
        "kunden-2026",
        True,
        "Kunden 2026.csv",
    )
    report = (here / "models" / "churn" / "report.html").read_text(encoding="utf-8")
    assert "A first look (--quick)" in report
    assert "of Kunden 2026.csv" in report


def rejected_half(customers: pd.DataFrame, path: Path, share: float) -> Path:
    bad = customers.assign(tenure=customers["tenure"].astype(float))
    bad.loc[: int(len(bad) * share) - 1, "tenure"] = -5
    return write_table(bad, path)


def test_many_rejects_are_said_first_and_can_end_the_run(
    customers: pd.DataFrame,
    sample_bundle: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    fails: Callable[..., str],
) -> None:
    source = rejected_half(customers, tmp_path / "in.parquet", 0.5)
    words = ("score", source, tmp_path / "out.parquet", "--model", sample_bundle)
    printed = run(capsys, *words, "--fail-on-rejects", 0.5)
    assert printed.startswith("Warning: 30 of 60 rows (50.0%) were rejected (30 as out_of_range)")
    refused = fails(*words, "--fail-on-rejects", 0.1)
    assert "30 of 60 rows were rejected" in refused
    assert set(pq.read_table(tmp_path / "out.parquet")["reject_column"].to_pylist()) == {None, "tenure"}
    few = write_table(customers, tmp_path / "few.parquet")
    assert "Warning" not in run(capsys, "score", few, tmp_path / "out.parquet", "--model", sample_bundle)


def test_drift_is_not_judged_over_rows_of_which_most_were_rejected(
    customers: pd.DataFrame, sample_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = rejected_half(customers, tmp_path / "in.parquet", 0.9)
    printed = run(capsys, "score", source, tmp_path / "out.parquet", "--model", sample_bundle)
    assert "Drift: not judged, because most rows were rejected" in printed
    report = json.loads(run(capsys, "drift", source, "--model", sample_bundle, "--json"))
    assert report["verdict"] == "major"


def test_the_training_table_is_recognised_in_any_order_and_no_other_is(
    sample_table: pd.DataFrame,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    write_table(sample_table, tmp_path / "table.parquet")
    run(capsys, "train", "table.parquet", *FAST)
    shuffled = write_table(sample_table.sample(frac=1, random_state=1), tmp_path / "shuffled.parquet")
    other = write_table(sample_table.assign(tenure=sample_table["tenure"] + 1), tmp_path / "other.parquet")
    for command in (["evaluate"], ["score"]):
        out = ["out.parquet"] if command == ["score"] else []
        assert "the table that the model was trained on" in run(capsys, *command, shuffled, *out)
        assert "the table that the model was trained on" not in run(capsys, *command, other, *out)


def test_other_columns_of_json_and_of_a_table_are_ignored_or_refused_by_the_same_option(
    customers: pd.DataFrame,
    sample_bundle: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    fails: Callable[..., str],
) -> None:
    record = json.loads(customers.head(1).drop(columns="Churn").to_json(orient="records"))[0]
    (tmp_path / "one.json").write_text(json.dumps(record | {"colour": "red"}), encoding="utf-8")
    customers.head(1).assign(colour="red").to_csv(tmp_path / "one.csv", index=False)
    model = ("--model", sample_bundle)
    fails("predict", tmp_path / "one.json", *model)
    run(capsys, "predict", tmp_path / "one.csv", *model)
    for name in ("one.json", "one.csv"):
        run(capsys, "predict", tmp_path / name, *model, "--other-columns", "ignore")
        fails("predict", tmp_path / name, *model, "--other-columns", "refuse")


@pytest.mark.parametrize("key", ["elsewhere/a.parquet", "incoming/a.xlsx"])
def test_locate_says_of_a_key_that_is_no_input_that_it_will_never_be_scored(
    key: str, fails: Callable[..., str]
) -> None:
    assert "will never be scored" in fails(
        "locate", f"s3://churn-dev-input-1/{key}", "--output-bucket", "churn-dev-output"
    )


def test_the_report_of_a_model_is_found(
    sample_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], fails: Callable[..., str]
) -> None:
    found = json.loads(run(capsys, "report", "--model", sample_bundle, "--json"))
    assert found["report"] == str((sample_bundle / "report.html").absolute())
    assert "There is no model" in fails("report", "--model", tmp_path)


def test_progress_says_rate_and_time_left() -> None:
    assert progress_text("training", "folds", 10, 40, 5.0, bar=False) == (
        "training: 10 of 40 folds (25%), 2 folds/s, 15 s left"
    )
    assert progress_text("scoring", "rows", 100, 100, 1.0, bar=False) == (
        "scoring: 100 of 100 rows (100%), 100 rows/s"
    )


def test_without_a_terminal_progress_prints_whole_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    stderr = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stderr)
    monkeypatch.setattr("churn_core.cli.progress.LINE_SECONDS", 0.01)
    with Progress("training", unit="folds") as progress:
        progress.step("fitting the final model")
        while stderr.getvalue().count("\n") < 2:
            pass
    assert stderr.getvalue().startswith("fitting the final model ... 0 s\n")

"""Expected profit in answers and files, the top N, and what the commands print about them."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from churn_core.cli import main
from churn_core.config import parse_config
from churn_core.data import generate_sample_data
from churn_core.pipelines import run_training
from churn_core.schema import Contract, NumberFeature
from churn_core.scoring.bundle import load_bundle, manifest_digest, model_version
from churn_core.scoring.files.score_file import BatchSettings, score_file
from churn_core.scoring.money import Money
from churn_core.scoring.predictor import ChurnPredictor
from tests.functional.customer_files import write_table
from tests.mirror_model import mirror

if TYPE_CHECKING:
    from pathlib import Path

    from churn_core.config import Settings

MONEY = Money(value_of_customer=480.5, cost_of_offer=33.3, success_rate=0.31)
FAST: dict[str, Any] = {"model": {"type": "logistic_regression"}, "evaluation": {"folds": 2, "repeats": 1}}
"""The model family; decisions are made in the same way for each."""


@pytest.fixture(scope="module")
def money_bundle(
    settings: Settings, sample_table: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A bundle whose configuration has money values."""
    config = parse_config(settings.model_dump() | {"decision": MONEY.to_dict()} | FAST)
    folder = tmp_path_factory.mktemp("money") / "bundle"
    run_training(config, sample_table, folder, jobs=1)
    return folder


@pytest.fixture(scope="module")
def predictor(money_bundle: Path) -> ChurnPredictor:
    return ChurnPredictor.load(money_bundle)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Two thousand customers, some of whom can't be scored."""
    table = generate_sample_data(2_000, seed=6).astype({"tenure": float})
    table.loc[::50, "tenure"] = -1.0
    return write_table(table, tmp_path / "in.parquet")


def run(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    assert main([str(word) for word in words]) == 0
    return capsys.readouterr().out


# ---------------------------------------------------------------- amounts


def test_expected_profit_is_the_last_column(source: Path, predictor: ChurnPredictor, tmp_path: Path) -> None:
    out = tmp_path / "out.parquet"
    score_file(source, out, predictor, BatchSettings(contributions=True))
    schema = parquet.read_schema(out)
    assert schema.names[-3:] == ["reject_column", "expected_profit", "contributions"]
    assert schema.field("expected_profit").type == pa.float64()


def test_expected_profit_follows_from_the_score_and_is_null_for_rejected_rows(
    source: Path, predictor: ChurnPredictor, tmp_path: Path
) -> None:
    result = score_file(source, tmp_path / "out.parquet", predictor)
    table = pd.read_parquet(tmp_path / "out.parquet")
    scored = table[table["status"] == "scored"]
    assert table.loc[table["status"] == "rejected", "expected_profit"].isna().all()
    assert len(table) - len(scored) == 40
    exact = scored["churn_probability"] * 0.31 * 480.5 - 33.3
    np.testing.assert_allclose(scored["expected_profit"], exact, rtol=0, atol=5.1e-7)
    assert (np.round(scored["expected_profit"], 6) == scored["expected_profit"]).all()
    flagged = scored[scored["will_churn"]]
    assert result.will_churn == len(flagged)
    assert result.expected_profit == pytest.approx(flagged["expected_profit"].sum(), abs=1e-3)


def test_answers_have_the_same_expected_profit_as_files(
    source: Path, predictor: ChurnPredictor, tmp_path: Path
) -> None:
    score_file(source, tmp_path / "out.parquet", predictor)
    table = pd.read_parquet(tmp_path / "out.parquet").iloc[1:50]
    records = pd.read_parquet(source).drop(columns="Churn").iloc[1:50]
    answers = predictor.predict(json.loads(records.to_json(orient="records")))
    assert [answer["expected_profit"] for answer in answers] == table["expected_profit"].tolist()
    assert [answer["churn_probability"] for answer in answers] == table["churn_probability"].tolist()


def test_without_money_values_there_is_no_expected_profit(
    customers: pd.DataFrame, sample_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out = write_table(customers, tmp_path / "in.parquet"), tmp_path / "out.parquet"
    result = json.loads(run(capsys, "score", source, out, "--model", sample_bundle, "--json"))
    assert result["expected_profit"] is None
    assert "expected_profit" not in parquet.read_schema(out).names
    assert "expected_profit" not in run(capsys, "predict", source, "--model", sample_bundle)


def test_risk_and_decision_change_at_the_same_scores_in_files_and_answers(tmp_path: Path) -> None:
    contract = Contract((NumberFeature("n", -9, 9),), "left", "yes", "no")
    shown = mirror(contract)
    shown = ChurnPredictor(replace(shown.bundle, money=Money(100, 50, 1)))
    scores = np.array([0.299999, 0.3, 0.499999, 0.5, 0.599999, 0.6])
    table = pa.table({"n": np.log(scores / (1 - scores))})
    parquet.write_table(table, tmp_path / "in.parquet")
    score_file(tmp_path / "in.parquet", tmp_path / "out.parquet", shown)
    rows = parquet.read_table(tmp_path / "out.parquet").to_pylist()
    assert [row["churn_probability"] for row in rows] == scores.tolist()
    assert [row["risk"] for row in rows] == ["low", "medium", "medium", "medium", "medium", "high"]
    assert [row["will_churn"] for row in rows] == [False, False, False, True, True, True]
    assert [row["expected_profit"] for row in rows] == [-20.0001, -20.0, -0.0001, 0.0, 9.9999, 10.0]
    for row, answer in zip(rows, shown.predict(table.to_pylist()), strict=True):
        for name in ("churn_probability", "will_churn", "risk", "expected_profit"):
            assert answer[name] == row[name]


# ---------------------------------------------------------------- the N to contact first


@pytest.mark.parametrize("top", [1, 7, 1_960, 100_000])
def test_the_top_rows_are_the_first_of_all_rows_sorted_by_score(
    top: int, source: Path, predictor: ChurnPredictor, tmp_path: Path
) -> None:
    score_file(source, tmp_path / "all.parquet", predictor, BatchSettings(contributions=True))
    settings = BatchSettings(contributions=True, top=top)
    result = score_file(source, tmp_path / "top.parquet", predictor, settings)
    everybody = pd.read_parquet(tmp_path / "all.parquet")
    wanted = everybody[everybody["status"] == "scored"]
    wanted = wanted.sort_values(["expected_profit", "row_number"], ascending=[False, True]).head(top)
    found = pd.read_parquet(tmp_path / "top.parquet")
    pd.testing.assert_frame_equal(found, wanted.reset_index(drop=True), check_dtype=False)
    assert (result.rows, result.scored, result.written) == (2_000, 1_960, min(top, 1_960))
    inputs = pd.read_parquet(source)
    assert found["customerID"].tolist() == inputs["customerID"].iloc[found["row_number"]].tolist()


def test_equal_scores_keep_input_order_on_any_number_of_threads(tmp_path: Path) -> None:
    contract = Contract((NumberFeature("n", -9, 9),), "left", "yes", "no")
    values = np.random.default_rng(5).integers(-3, 4, 200_000).astype(np.float64)
    parquet.write_table(pa.table({"n": values}), tmp_path / "in.parquet", row_group_size=10_007)
    digests = set()
    for threads, top in ((1, 40_000), (2, 40_000), (3, 40_000)):
        out = tmp_path / "out.parquet"
        score_file(tmp_path / "in.parquet", out, mirror(contract), BatchSettings(threads=threads, top=top))
        digests.add(hashlib.sha256(out.read_bytes()).hexdigest())
    assert len(digests) == 1
    wanted = np.argsort(-values, kind="stable")[:40_000]
    assert parquet.read_table(out)["row_number"].to_pylist() == wanted.tolist()


def test_top_of_a_table_with_only_rejected_rows_is_empty(
    customers: pd.DataFrame, predictor: ChurnPredictor, tmp_path: Path
) -> None:
    source = write_table(customers.assign(tenure=-1), tmp_path / "in.parquet")
    result = score_file(source, tmp_path / "out.parquet", predictor, BatchSettings(top=5))
    assert (result.written, result.will_churn, result.expected_profit) == (0, 0, 0)
    assert parquet.read_table(tmp_path / "out.parquet").num_rows == 0


@pytest.mark.parametrize("top", ["0", "-3", "many"])
def test_top_must_be_at_least_one(top: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["score", "in.parquet", "out.parquet", "--top", top]) == 2
    assert "--top" in capsys.readouterr().err
    with pytest.raises(ValueError, match="at least 1"):
        BatchSettings(top=0)


# ---------------------------------------------------------------- what is said


def test_score_prints_how_many_to_contact_and_the_expected_profit(
    source: Path, money_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["score", source, tmp_path / "out.parquet", "--model", money_bundle, "--top", 3]
    result = json.loads(run(capsys, *words, "--json"))
    assert result["written"] == result["top"] == 3
    printed = run(capsys, *words)
    threshold, profit = f"{result['threshold']:.6f}", f"{result['expected_profit']:,.0f}"
    assert f"{result['will_churn']:,} of 1,960 customers" in printed
    assert threshold in printed
    assert profit in printed
    assert "Wrote the 3 to contact first, best first, to " in printed


def test_train_prints_the_threshold_rule_and_the_bundle_records_it(
    sample_table: pd.DataFrame, settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = settings.model_dump(mode="json", exclude_unset=True)
    config = tmp_path / "config.yaml"
    config.write_text(json.dumps(content | {"decision": MONEY.to_dict()} | FAST))
    table = write_table(sample_table, tmp_path / "table.parquet")
    words = ["train", table, "--config", config, "--out", tmp_path / "bundle"]
    printed = run(capsys, *words)
    decision = json.loads((tmp_path / "bundle" / "metrics.json").read_text())["decision"]
    manifest = json.loads((tmp_path / "bundle" / "manifest.json").read_text())
    bands = manifest["decision"].pop("risk_bands")
    assert manifest["decision"] == decision
    assert bands["medium"] == decision["threshold"]
    assert decision["money"] == MONEY.to_dict()
    assert decision["method"] == "money"
    assert decision["break_even"] == pytest.approx(33.3 / (0.31 * 480.5), abs=1e-6)
    earned = decision["expected"]["profit_per_1000"]
    assert (
        f"1,000 customers, contact {decision['expected']['contacted_per_1000']['mean']:,.0f}"
        f" (score >= {decision['threshold']:.6f}): expected profit {earned['mean']:,.0f}"
        f" [{earned['low']:,.0f}, {earned['high']:,.0f}] per 1,000 customers.\n" in printed
    )
    assert 10 < len(decision["curve"]) <= 100
    assert earned["low"] < earned["mean"] < earned["high"]


RULES: list[dict[str, Any]] = [{"threshold": "share", "share": 0.1}, {"threshold": 0.4}, {"threshold": "f1"}]


@pytest.mark.parametrize("keys", RULES)
def test_train_prints_each_threshold_rule_correctly(
    keys: dict[str, Any],
    sample_table: pd.DataFrame,
    settings: Settings,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    content = settings.model_dump(mode="json", exclude_unset=True)
    config = tmp_path / "config.yaml"
    config.write_text(json.dumps(content | {"decision": keys} | FAST))
    table = write_table(sample_table.head(1_000), tmp_path / "table.parquet")
    printed = run(capsys, "train", table, "--config", config, "--out", tmp_path / "bundle")
    (sentence,) = [line for line in printed.splitlines() if " contact " in line]
    assert "of all who leave" in sentence
    recorded = load_bundle(tmp_path / "bundle").manifest["decision"]
    assert recorded["method"] == (keys["threshold"] if isinstance(keys["threshold"], str) else "fixed")
    if "share" in keys:
        assert "1,000 customers, contact 100 (score" in sentence
    if recorded["method"] == "fixed":
        assert recorded["threshold"] == 0.4


def test_evaluate_keeps_a_profitable_threshold_and_otherwise_advises_training(
    money_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = generate_sample_data(4_000, seed=21)
    later = write_table(table, tmp_path / "later.csv")
    result = json.loads(run(capsys, "evaluate", later, "--model", money_bundle, "--json"))
    review = result["decision"]
    assert review["still_good"]
    score_file(write_table(table, tmp_path / "in.parquet"), tmp_path / "out.parquet", _load(money_bundle))
    flagged = pd.read_parquet(tmp_path / "out.parquet")["will_churn"].to_numpy()
    earned = 1000 * (flagged * ((table["Churn"] == "Yes") * 0.31 * 480.5 - 33.3)).mean()
    assert review["realised"]["profit_per_1000"]["mean"] == pytest.approx(earned, abs=1e-3)
    assert "keep it" in run(capsys, "evaluate", later, "--model", money_bundle)
    loyal = table.assign(Churn=np.where(np.arange(len(table)) % 7 == 0, table["Churn"], "No"))
    changed = write_table(loyal, tmp_path / "changed.csv")
    assert "train again" in run(capsys, "evaluate", changed, "--model", money_bundle)


def _load(folder: Path) -> ChurnPredictor:
    return ChurnPredictor.load(folder)


def test_a_bundle_of_an_earlier_version_still_scores_and_is_evaluated(
    sample_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = shutil.copytree(sample_bundle, tmp_path / "bundle")
    path = bundle / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    decision = manifest["decision"]
    manifest["decision"] = {key: decision[key] for key in ("threshold", "method", "risk_bands")}
    manifest["model_digest"] = manifest_digest(manifest)
    manifest["model_version"] = model_version(manifest["name"], manifest["model_digest"])
    path.write_text(json.dumps(manifest), encoding="utf-8")
    table = write_table(generate_sample_data(600, seed=4), tmp_path / "table.parquet")
    assert "customers score" in run(capsys, "score", table, tmp_path / "out.parquet", "--model", bundle)
    assert "of all who leave" in run(capsys, "evaluate", table, "--model", bundle)

"""``churn init``: any table then goes through validate, train, predict and score unchanged."""

from __future__ import annotations

import gzip
import html
import json
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import yaml
from pyarrow import parquet

from benchmarks import churn_tables
from churn_core.cli import main
from churn_core.config import load_config
from churn_core.data import load_table
from churn_core.pipelines import run_training
from tests.functional.customer_files import CANARY

if TYPE_CHECKING:
    from collections.abc import Callable

ROWS = 600
QUICK = "evaluation: {folds: 2, repeats: 1}\nmodel: {type: logistic_regression}\n"


def run(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    code = main([str(word) for word in words])
    printed = capsys.readouterr()
    assert code == 0, printed.err
    return printed.out


def streaming_csv(path: Path) -> tuple[Path, str]:
    """A CSV file with odd names, blank cells, dates, e-mail addresses, many towns and a constant."""
    draw = np.random.default_rng(3)
    hours = np.round(draw.gamma(2, 9, ROWS), 1)
    plan = draw.choice(["Basic", "Größe L", 'say "hi", all'], ROWS)
    number = np.where(draw.random(ROWS) < 0.5, draw.geometric(0.3, ROWS), draw.integers(10, 200, ROWS))
    town = [f"town {n}" for n in number]
    odds = -0.4 - 0.04 * hours + (plan == "Basic") + (np.array(town) == "town 1")
    table = pd.DataFrame(
        {
            "Subscriber No.": [f"S-{number}" for number in draw.permutation(ROWS)],
            "sign-up date": pd.date_range("2023-01-01", periods=ROWS).strftime("%d.%m.%Y"),
            "Plan Type": plan,
            "e-mail.verified": draw.random(ROWS) < 0.7,
            'the "tier"': draw.integers(1, 4, ROWS),
            "größe": draw.integers(0, 2, ROWS),
            "it's; -- drop table": draw.normal(0, 1, ROWS).round(3),
            "watch\nhours": pd.Series(hours.astype(str)).mask(draw.random(ROWS) < 0.1, " "),
            "town": town,
            "contact": [f"{CANARY}{number}@example.org" for number in range(ROWS)],
            "note": [f"{CANARY} called about bill {number}" for number in range(ROWS)],
            "currency": "EUR",
            "nothing": "",
            "Churned ": np.where(draw.random(ROWS) < 1 / (1 + np.exp(-odds)), "yes", "no"),
        }
    )
    table.to_csv(path / "streaming.csv", index=False)
    return path / "streaming.csv", "Churned"


def bank_parquet(path: Path) -> tuple[Path, str]:
    """Parquet's own types: decimals, dictionaries, narrow and nullable integers, dates, lists, bytes."""
    draw = np.random.default_rng(4)
    balance = [Decimal(int(cents)) / 100 for cents in draw.integers(0, 10**7, ROWS)]
    age = draw.integers(18, 90, ROWS)
    gaps = draw.random(ROWS) < 0.1
    left = draw.random(ROWS) < 1 / (1 + np.exp(2 - 0.04 * age))
    columns = {
        "AccountId": pa.array(draw.permutation(ROWS) + 10**12),
        "balance": pa.array(balance, pa.decimal128(14, 2)),
        "age": pa.array(age.astype(np.int8)),
        "products": pa.array(draw.integers(1, 9, ROWS), pa.int64(), mask=gaps),
        "active": pa.array(draw.random(ROWS) < 0.5, mask=draw.random(ROWS) < 0.1),
        "country": pa.array(draw.choice(["FR", "DE", "ES"], ROWS)).dictionary_encode(),
        "rate": pa.array(draw.random(ROWS).astype(np.float32)),
        "opened": pa.array(pd.date_range("2020-01-01", periods=ROWS).date),
        "seen": pa.array(pd.date_range("2024-01-01", periods=ROWS, freq="h")),
        "clock": pa.array([pd.Timestamp(2024, 1, 1, hour).time() for hour in draw.integers(0, 24, ROWS)]),
        "visits": pa.array([[1, 2]] * ROWS),
        "address": pa.array([{"zip": 1, "street": CANARY}] * ROWS),
        "photo": pa.array([CANARY.encode()] * ROWS),
        "gone": pa.array(left),
    }
    parquet.write_table(pa.table(columns), path / "bank.parquet")
    return path / "bank.parquet", "gone"


def benchmark_table(name: str, ending: str) -> Callable[[Path], tuple[Path, str]]:
    def write(path: Path) -> tuple[Path, str]:
        table, target = churn_tables.TABLES[name](ROWS, 0), churn_tables.TARGETS[name]
        file = path / f"{name}.{ending}"
        table.to_csv(file, index=False) if ending == "csv" else table.to_parquet(file, index=False)
        return file, target

    return write


TABLES = {
    "streaming": streaming_csv,
    "bank": bank_parquet,
    "benchmark streaming": benchmark_table("streaming", "csv"),
    "benchmark bank": benchmark_table("bank", "parquet"),
    "benchmark telephone": benchmark_table("telephone", "csv"),
}


def init(
    capsys: pytest.CaptureFixture[str], table: Path, target: str, folder: Path, *more: object
) -> tuple[Path, dict[str, Any]]:
    config = folder / "config.yaml"
    inspected = json.loads(run(capsys, "init", table, "--target", target, "--out", config, "--json", *more))
    return config, inspected


def all_the_way(
    capsys: pytest.CaptureFixture[str], table: Path, config: Path, folder: Path
) -> tuple[list[dict[str, Any]], pd.DataFrame]:
    """Validate, train, predict and score; return the answers and the scored file."""
    assert "0 errors" in run(capsys, "validate", table, "--config", config)
    bundle, out = folder / "bundle", folder / "out.parquet"
    trained = json.loads(run(capsys, "train", table, "--config", config, "--out", bundle, "--json"))
    assert trained["parity"]["decisions_changed"] == 0
    answers = json.loads(run(capsys, "predict", table, "--model", bundle, "--reasons", "all"))
    scored = json.loads(run(capsys, "score", table, out, "--model", bundle, "--contributions", "--json"))
    assert (scored["rejected"], scored["scored"]) == (0, len(answers))
    return answers, duckdb.execute(f"FROM '{out}'").df()


@pytest.mark.parametrize("name", TABLES)
def test_any_table_goes_from_init_to_scores(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table, target = TABLES[name](tmp_path)
    config, inspected = init(capsys, table, target, tmp_path)
    text = config.read_text(encoding="utf-8")
    assert CANARY not in text + json.dumps(inspected)
    config.write_text(text + QUICK, encoding="utf-8")
    answers, scored = all_the_way(capsys, table, config, tmp_path)
    features = [column["name"] for column in inspected["columns"] if column["role"] == "feature"]
    features += inspected["derived"]
    assert len(scored) == ROWS
    assert set(scored[inspected["id"]].astype(str)) == {str(answer[inspected["id"]]) for answer in answers}
    assert scored["churn_probability"].tolist() == [answer["churn_probability"] for answer in answers]
    assert list(scored["contributions"][0]) == features
    assert set(scored["reason_1"].dropna()) <= set(features)
    for answer, contributions in zip(answers[:20], scored["contributions"], strict=False):
        online = {reason["feature"]: reason["contribution"] for reason in answer["reasons"]}
        assert online == pytest.approx(contributions, abs=1e-6)


def test_the_real_telco_table_goes_from_init_to_scores(
    telco_csv: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config, inspected = init(capsys, telco_csv, "churn", tmp_path)
    assert [f["rule"] for f in inspected["findings"]] == ["name_corrected"]
    assert set(load_config(config).data.features) == set(load_config().data.features)
    config.write_text(config.read_text() + QUICK)
    answers, _ = all_the_way(capsys, telco_csv, config, tmp_path)
    assert len(answers) == 7043


# ---------------------------------------------------------------- odd names, rare values, errors


@pytest.fixture(scope="module")
def streaming(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """A table with odd names, its configuration and its bundle; do not change them."""
    folder = tmp_path_factory.mktemp("streaming")
    table, target = streaming_csv(folder)
    config, bundle = folder / "config.yaml", folder / "bundle"
    assert main(["init", str(table), "--target", target, "--out", str(config)]) == 0
    config.write_text(config.read_text(encoding="utf-8") + QUICK, encoding="utf-8")
    run_training(load_config(config), load_table(table), bundle, jobs=1)
    return table, config, bundle


def test_the_configuration_holds_the_decisions(streaming: tuple[Path, Path, Path]) -> None:
    _, path, _ = streaming
    config = load_config(path)
    assert config.data.target.column == "Churned "
    assert config.data.id == "Subscriber No."
    kinds = {name: spec.kind for name, spec in config.data.features.items()}
    assert kinds == {
        "Plan Type": "category",
        "e-mail.verified": "category",
        'the "tier"': "number",
        "größe": "category",
        "it's; -- drop table": "number",
        "watch\nhours": "number",
        "town": "category",
    }
    text = path.read_text(encoding="utf-8")
    for name in ("sign-up date", "contact", "note", "currency", "nothing"):
        assert f"# left out: {name}, " in text


def test_rare_and_unseen_values_get_the_same_score_but_only_unseen_ones_a_warning(
    streaming: tuple[Path, Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table, _, bundle = streaming
    feature = next(
        f
        for f in json.loads((bundle / "manifest.json").read_text())["contract"]["features"]
        if f["name"] == "town"
    )
    customers = pd.read_csv(table, dtype=str, keep_default_na=False)
    known = customers["town"].map(customers["town"].value_counts()) == 1
    rare = customers[known & customers["town"].isin(feature["vocabulary"])].head(1)
    assert 1 < feature["max_levels"] < len(feature["vocabulary"])
    pd.concat([rare, rare.assign(town="never seen")]).to_csv(tmp_path / "two.csv", index=False)
    seen, unseen = json.loads(run(capsys, "predict", tmp_path / "two.csv", "--model", bundle))
    assert seen["churn_probability"] == unseen["churn_probability"]
    assert (seen["warnings"], len(unseen["warnings"])) == ([], 1)
    run(capsys, "score", tmp_path / "two.csv", tmp_path / "two.parquet", "--model", bundle)
    rows = duckdb.execute(f"SELECT warnings, churn_probability FROM '{tmp_path}/two.parquet'").fetchall()
    assert [row[0] for row in rows] == [None, "town"]
    assert rows[0][1] == rows[1][1] == seen["churn_probability"]


def test_odd_names_are_kept_in_the_report_and_in_errors(
    streaming: tuple[Path, Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table, _, bundle = streaming
    report = (bundle / "report.html").read_text(encoding="utf-8")
    assert 'the "tier"' not in report
    for name in ('the "tier"', "größe", "e-mail.verified", "it's; -- drop table"):
        assert name in html.unescape(report)
    record = {"größe": "0"}
    (tmp_path / "one.json").write_text(json.dumps(record), encoding="utf-8")
    assert main(["predict", str(tmp_path / "one.json"), "--model", str(bundle), "--json"]) == 1
    error = json.loads(capsys.readouterr().err)
    assert {"loc": [0, 'the "tier"'], "code": "missing"} in error["errors"]
    assert [0, "größe"] not in [fault["loc"] for fault in error["errors"]]
    customers = pd.read_csv(table, dtype=str).drop(columns='the "tier"')
    customers.to_csv(tmp_path / "less.csv", index=False)
    assert main(["predict", str(tmp_path / "less.csv"), "--model", str(bundle), "--json"]) == 1
    assert repr('the "tier"') in json.loads(capsys.readouterr().err)["error"]


def test_customers_with_several_rows_are_grouped_and_keep_their_id(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table, target = bank_parquet(tmp_path)
    customers = pd.read_parquet(table, columns=["AccountId", "balance", "age", "country", "gone"])
    customers["AccountId"] = np.arange(ROWS) // 3
    customers.to_parquet(table)
    config, inspected = init(capsys, table, target, tmp_path)
    assert (inspected["id"], inspected["group"]) == ("AccountId", "AccountId")
    config.write_text(config.read_text() + QUICK)
    answers, scored = all_the_way(capsys, table, config, tmp_path)
    assert scored["AccountId"].tolist() == [answer["AccountId"] for answer in answers]
    run(capsys, "evaluate", table, "--model", tmp_path / "bundle")
    config.write_text(config.read_text().replace("  group: AccountId", ""))
    assert main(["train", str(table), "--config", str(config), "--out", str(tmp_path / "b")]) == 1
    assert "'AccountId' is the id but repeats" in capsys.readouterr().err


def test_validate_and_train_warn_of_replicated_customers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table, target = bank_parquet(tmp_path)
    customers = pd.read_parquet(table)
    more = customers.head(60).assign(AccountId=np.arange(60))
    pd.concat([customers, more]).to_parquet(table)
    config, inspected = init(capsys, table, target, tmp_path)
    assert "replicated_rows" in {finding["rule"] for finding in inspected["findings"]}
    config.write_text(config.read_text() + QUICK)
    assert "replicated_rows" in run(capsys, "validate", table, "--config", config)
    trained = run(capsys, "train", table, "--config", config, "--out", tmp_path / "bundle")
    assert trained.startswith("Warning: The table ")
    assert "replicated_rows" in trained


# ---------------------------------------------------------------- the command itself


def test_an_existing_file_is_replaced_only_with_force(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table, target = bank_parquet(tmp_path)
    config, _ = init(capsys, table, target, tmp_path)
    config.write_text("mine")
    words = ["init", str(table), "--target", target, "--out", str(config)]
    assert main(words) == 1
    assert "--force" in capsys.readouterr().err
    assert config.read_text() == "mine"
    assert f"Next: churn train {table} --config {config}" in run(capsys, *words, "--force")
    assert yaml.safe_load(config.read_text())["data"]["target"]["column"] == target
    assert {path.name for path in tmp_path.iterdir()} == {"bank.parquet", "config.yaml"}


def test_an_unwritable_path_is_named(tmp_path: Path, fails: Callable[..., str]) -> None:
    table, target = bank_parquet(tmp_path)
    for out in (tmp_path, tmp_path / "no" / "config.yaml"):
        assert str(out) in fails("init", table, "--target", target, "--out", out, "--force")


def test_a_name_that_does_not_exist_is_named(tmp_path: Path, fails: Callable[..., str]) -> None:
    table, target = bank_parquet(tmp_path)
    out = tmp_path / "config.yaml"
    assert "did you mean 'gone'" in fails("init", table, "--target", "gon", "--out", out)
    assert "'x' (--group)" in fails("init", table, "--target", target, "--group", "x", "--out", out)
    assert "--positive 'maybe'" in fails(
        "init", table, "--target", target, "--positive", "maybe", "--out", out
    )
    assert "different labels" in fails("init", table, "--target", "country", "--out", out)
    assert not out.exists()


def test_the_label_of_customers_who_left_can_be_given(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table, target = bank_parquet(tmp_path)
    config, _ = init(capsys, table, target, tmp_path, "--positive", "False")
    assert load_config(config).data.target.positive == "false"


def test_a_table_of_another_layout_goes_from_init_to_scores_unchanged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table, target = streaming_csv(tmp_path)
    plain = load_table(table)
    source = tmp_path / "other.txt.gz"
    text = "Export of May\r\n\r\n" + plain.to_csv(index=False, sep=";", lineterminator="\r\n")
    source.write_bytes(gzip.compress(text.encode("utf-16")))
    printed = {}
    for name, file in (("plain", table), ("other", source)):
        config, bundle = tmp_path / f"{name}.yaml", tmp_path / f"{name}-model"
        run(capsys, "init", file, "--target", target, "--out", config)
        config.write_text(QUICK + config.read_text())
        run(capsys, "train", file, "--config", config, "--out", bundle)
        out = tmp_path / f"{name}.parquet"
        run(capsys, "score", file, out, "--model", bundle)
        with duckdb.connect() as connection:
            rows = connection.execute(f"SELECT * EXCLUDE (model_version) FROM '{out}'")
            printed[name] = rows.fetchall()
    assert yaml.safe_load((tmp_path / "other.yaml").read_text())["reader"] == {
        "delimiter": ";",
        "encoding": "utf-16",
        "header_line": 3,
        "date_formats": {"sign-up date": "DD.MM.YYYY"},
    }
    assert printed["plain"] == printed["other"]

"""``churn init``: any table then goes through validate, train, predict and score unchanged."""

from __future__ import annotations

import gzip
import html
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pandas as pd
import pytest
import yaml

from benchmarks import churn_tables
from churn_core.cli import main
from churn_core.config import load_config
from churn_core.data import load_table
from churn_core.pipelines import run_training
from tests.functional.commands.init_tables import ROWS, bank_parquet, init, quick, run, streaming_csv
from tests.functional.customer_files import CANARY

if TYPE_CHECKING:
    from collections.abc import Callable


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
    config.write_text(quick(text), encoding="utf-8")
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
    config.write_text(quick(config.read_text()))
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
    config.write_text(quick(config.read_text(encoding="utf-8")), encoding="utf-8")
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
    config.write_text(quick(config.read_text()))
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
    config.write_text(quick(config.read_text()))
    assert "replicated_rows" in run(capsys, "validate", table, "--config", config)
    trained = run(capsys, "train", table, "--config", config, "--out", tmp_path / "bundle")
    assert trained.startswith("Warning: The table ")
    assert "replicated_rows" in trained


# ---------------------------------------------------------------- the command itself


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
        config.write_text(quick(config.read_text()))
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


def test_a_file_with_semicolons_has_decimal_commas_if_nothing_else_decides(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path, config = tmp_path / "t.csv", tmp_path / "c.yaml"
    rows = [f"{n};{n % 9 + 1},{n:03d};{'yes' if n % 3 else 'no'}\n" for n in range(200)]
    path.write_text("".join(["kunde_id;betrag;churn\n", *rows]))
    printed = run(capsys, "init", path, "--target", "churn", "--out", config)
    assert yaml.safe_load(config.read_text())["reader"] == {"delimiter": ";", "decimal": ","}
    assert "read in two ways in 'betrag'" in printed
    assert "--reader decimal=. --reader thousands=," in printed

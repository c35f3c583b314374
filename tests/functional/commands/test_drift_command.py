"""``churn drift``, and the drift that ``churn score`` reports, on files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from churn_core.cli import main
from churn_core.data import generate_sample_data
from churn_core.errors import BundleError
from churn_core.scoring.bundle import load_bundle, manifest_digest, model_version
from churn_core.scoring.drift.profile import TrainingProfile
from churn_core.scoring.files.drift_pass import measure_drift
from churn_core.scoring.files.score_file import BatchSettings, score_file
from churn_core.scoring.predictor import ChurnPredictor
from tests.functional.customer_files import CANARY, write_table

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ROWS = 4_000

COLUMN_KEYS = {"column", "kind", "psi", "noise", "level", "missing", "unknown", "outside", "refused"}
METRICS = frozenset({"roc_auc", "churn_rate", "precision", "recall", "f1"})
ESTIMATES = ("holdout_estimated", "estimated")


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return generate_sample_data(ROWS, seed=21)


def moved(table: pd.DataFrame) -> pd.DataFrame:
    """Only short contracts, a payment method that training did not see, and missing totals."""
    changed = table[table["Contract"] == "Month-to-month"].reset_index(drop=True)
    changed.loc[changed.index[::4], "PaymentMethod"] = CANARY
    changed.loc[changed.index[::3], "TotalCharges"] = np.nan
    return changed


@pytest.fixture
def drift(capsys: pytest.CaptureFixture[str], sample_bundle: Path) -> Callable[..., tuple[int, str, str]]:
    def run(*words: object, command: str = "drift") -> tuple[int, str, str]:
        code = main([str(word) for word in (command, *words, "--model", sample_bundle)])
        printed = capsys.readouterr()
        assert CANARY not in printed.out + printed.err
        return code, printed.out, printed.err

    return run


def test_similar_customers_have_not_drifted(
    table: pd.DataFrame, drift: Callable[..., Any], tmp_path: Path
) -> None:
    source = write_table(table.drop(columns="Churn"), tmp_path / "in.parquet")
    code, printed, error = drift(source, "--fail-on", "moderate")
    assert (code, error) == (0, "")
    assert "Verdict: stable." in printed
    assert f"Next: churn score {source} " in printed


def test_drifted_columns_are_listed_with_advice(
    table: pd.DataFrame, drift: Callable[..., Any], tmp_path: Path
) -> None:
    code, printed, _ = drift(write_table(moved(table).drop(columns="Churn"), tmp_path / "in.parquet"))
    assert code == 0
    rows = printed.splitlines()
    first = rows.index(next(row for row in rows if row.startswith("column ")))
    levels = {row.split()[0]: row.split()[3] for row in rows[first + 1 : first + 20]}
    assert {name: levels[name] for name in ("Contract", "PaymentMethod", "TotalCharges", "gender")} == {
        "Contract": "major",
        "PaymentMethod": "major",
        "TotalCharges": "major",
        "gender": "stable",
    }
    assert "Verdict: major." in printed
    assert "Check the source of TotalCharges: it is missing in 33." in printed
    assert "Check the source of PaymentMethod: 25.0% of its values did not occur in training" in printed
    assert "in training (Contract, " in printed
    assert "Next: churn train " in printed


def test_the_json_has_the_documented_keys(
    table: pd.DataFrame, drift: Callable[..., Any], tmp_path: Path, sample_bundle: Path
) -> None:
    source = write_table(moved(table).drop(columns="Churn"), tmp_path / "in.parquet")
    code, printed, _ = drift(source, "--json")
    result = json.loads(printed)
    assert code == 0
    assert set(result) == {
        *("model_version", "verdict", "moved", "rows", "columns", "scores", "performance"),
        *("labelled", "advice"),
    }
    bundle = load_bundle(sample_bundle)
    assert result["model_version"] == bundle.model_version
    assert result["rows"] == {
        "training": 2_400,
        "holdout": 600,
        "scored": len(moved(table)),
        "rejected": 0,
    }
    assert {frozenset(column) for column in result["columns"]} == {frozenset(COLUMN_KEYS)}
    assert {column["column"] for column in result["columns"]} == set(bundle.contract.names)
    index = [column["psi"] for column in result["columns"]]
    assert index == sorted(index, reverse=True)
    assert set(result["scores"]) == {"psi", "noise", "level", "mean", "predicted_churn"}
    assert set(result["scores"]["mean"]) == set(result["scores"]["predicted_churn"]) == {"holdout", "now"}
    assert set(result["performance"]) == {*("assumption", "holdout"), *ESTIMATES}
    assert {frozenset(result["performance"][key]) for key in ("holdout", *ESTIMATES)} == {METRICS}
    assert result["verdict"] == "major"
    assert set(result["moved"]) >= {"Contract", "PaymentMethod", "TotalCharges"}
    assert result["labelled"] is False


def test_a_csv_file_gives_the_same_result_as_the_same_table_in_parquet(
    table: pd.DataFrame, drift: Callable[..., Any], tmp_path: Path
) -> None:
    result = [
        json.loads(drift(write_table(moved(table), tmp_path / name), "--json")[1])
        for name in ("in.csv", "in.parquet")
    ]
    assert result[0] == result[1]
    assert result[0]["labelled"] is True


def test_a_labelled_table_gets_churn_evaluate_as_next_step(
    table: pd.DataFrame, drift: Callable[..., Any], tmp_path: Path
) -> None:
    source = write_table(table, tmp_path / "in.parquet")
    assert f"Next: churn evaluate {source} " in drift(source)[1]


@pytest.mark.parametrize(
    ("fail_on", "changed", "expected"),
    [("major", True, 1), ("moderate", True, 1), ("major", False, 0), (None, True, 0)],
)
def test_fail_on_sets_the_exit_code(
    fail_on: str | None,
    changed: bool,
    expected: int,
    table: pd.DataFrame,
    drift: Callable[..., Any],
    tmp_path: Path,
) -> None:
    source = write_table(moved(table) if changed else table, tmp_path / "in.parquet")
    words = [] if fail_on is None else ["--fail-on", fail_on]
    code, printed, error = drift(source, *words, "--json")
    assert code == expected
    assert json.loads(printed)["verdict"] == ("major" if changed else "stable")
    assert ("Drift is major" in error) == bool(expected)


def test_moderate_drift_fails_only_with_fail_on_moderate(
    table: pd.DataFrame, drift: Callable[..., Any], tmp_path: Path
) -> None:
    short = table["Contract"] == "Month-to-month"
    changed = table[short | (np.arange(ROWS) % 3 == 0)]
    source = write_table(changed, tmp_path / "in.parquet")
    assert json.loads(drift(source, "--json")[1])["verdict"] == "moderate"
    assert [drift(source, "--fail-on", level)[0] for level in ("major", "moderate")] == [0, 1]


def test_a_missing_column_gives_the_same_error_as_scoring(
    table: pd.DataFrame, drift: Callable[..., Any], tmp_path: Path
) -> None:
    for name in ("in.csv", "in.parquet"):
        source = write_table(table.head(50).drop(columns="tenure"), tmp_path / name)
        code, printed, error = drift(source)
        assert (code, printed) == (1, "")
        assert "'tenure'" in error
        assert drift(source, tmp_path / "out.parquet", command="score")[2] == error


def test_a_column_with_refused_values_is_named(
    table: pd.DataFrame, drift: Callable[..., Any], tmp_path: Path
) -> None:
    changed = table.assign(MonthlyCharges=table["MonthlyCharges"].where(np.arange(ROWS) % 4 > 0, -1.0))
    result = json.loads(drift(write_table(changed, tmp_path / "in.csv"), "--json")[1])
    assert (result["rows"]["scored"], result["rows"]["rejected"]) == (ROWS * 3 / 4, ROWS / 4)
    assert result["columns"][0]["column"] == "MonthlyCharges"
    assert result["columns"][0]["refused"] == {"out_of_range": ROWS / 4}
    assert result["moved"] == ["MonthlyCharges"]


def test_an_empty_table_has_not_drifted(
    table: pd.DataFrame, drift: Callable[..., Any], tmp_path: Path
) -> None:
    code, printed, _ = drift(write_table(table.head(0), tmp_path / "in.parquet"), "--json")
    result = json.loads(printed)
    assert (code, result["verdict"], result["moved"]) == (0, "stable", [])
    assert result["advice"] == ["No row was scored: check the source of the table."]


# ---------------------------------------------------------------- in the scoring pass


@pytest.mark.parametrize("threads", [1, 3])
def test_churn_score_reports_the_same_drift_as_churn_drift(
    threads: int, table: pd.DataFrame, drift: Callable[..., Any], tmp_path: Path
) -> None:
    changed = moved(pd.concat([table] * 20, ignore_index=True))
    changed.loc[changed.index[::7], "tenure"] = -1
    source = tmp_path / "in.parquet"
    changed.to_parquet(source, row_group_size=997)
    words = [source, tmp_path / "out.parquet", "--threads", threads]
    result = json.loads(drift(*words, "--json", command="score")[1])["drift"]
    full = json.loads(drift(source, "--json")[1])
    assert result == {
        "verdict": full["verdict"],
        "moved": full["moved"],
        "columns": {c["column"]: {"psi": c["psi"], "level": c["level"]} for c in full["columns"]},
        "scores": {"psi": full["scores"]["psi"], "level": full["scores"]["level"]},
    }
    line = next(line for line in drift(*words, command="score")[1].splitlines() if "Drift" in line)
    assert line.startswith(f"Drift: major, in {', '.join(full['moved'][:4])}")


def test_churn_score_reports_that_there_is_no_drift(
    table: pd.DataFrame, drift: Callable[..., Any], tmp_path: Path
) -> None:
    source = write_table(table, tmp_path / "in.parquet")
    assert "Drift: none" in drift(source, tmp_path / "out.parquet", command="score")[1]


def test_drift_counts_equal_those_of_pandas_on_the_raw_table(
    table: pd.DataFrame, sample_bundle: Path, tmp_path: Path
) -> None:
    changed = moved(table)
    predictor = ChurnPredictor.load(sample_bundle)
    profile = TrainingProfile.from_bundle(predictor.bundle)
    assert profile is not None
    source = write_table(changed, tmp_path / "in.parquet")
    report = measure_drift(source, predictor).report
    found = {column.column: column for column in report.columns}
    assert found["PaymentMethod"].unknown_now == pytest.approx((changed["PaymentMethod"] == CANARY).mean())
    assert found["TotalCharges"].missing_now == pytest.approx(changed["TotalCharges"].isna().mean())
    tenure = profile.columns[predictor.contract.names.index("tenure")]
    counted = pd.cut(changed["tenure"], [-np.inf, *tenure.edges, np.inf], right=False).value_counts(
        sort=False
    )
    shares = (counted.to_numpy() + 0.5) / (counted.to_numpy() + 0.5).sum()
    trained = np.array(tenure.counts[1:-2]) + 0.5
    trained /= trained.sum()
    expected = ((shares - trained) * np.log(shares / trained)).sum()
    assert found["tenure"].shift.psi == pytest.approx(expected, abs=1e-3)
    score_file(source, tmp_path / "out.parquet", predictor)
    scores = pd.read_parquet(tmp_path / "out.parquet")
    assert report.mean_now == pytest.approx(scores["churn_probability"].mean())
    assert report.flagged_now == pytest.approx(scores["will_churn"].mean())


def test_a_bundle_with_an_earlier_profile_can_score_but_not_compare(
    table: pd.DataFrame, sample_bundle: Path, tmp_path: Path
) -> None:
    manifest = json.loads((sample_bundle / "manifest.json").read_text(encoding="utf-8"))
    manifest["profile"] = {"rows": 1, "columns": {}, "scores": []}
    manifest["model_digest"] = manifest_digest(manifest)
    manifest["model_version"] = model_version(manifest["name"], manifest["model_digest"])
    old = tmp_path / "old"
    old.mkdir()
    (old / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    (old / "model.onnx").write_bytes((sample_bundle / "model.onnx").read_bytes())
    predictor = ChurnPredictor.load(old)
    source = write_table(table.head(100), tmp_path / "in.parquet")
    result = score_file(source, tmp_path / "out.parquet", predictor, BatchSettings())
    assert (result.scored, result.drift) == (100, None)
    with pytest.raises(BundleError, match="train the model again"):
        measure_drift(source, predictor)

"""On contracts of every shape the gate passes, and predict, score and scikit-learn agree."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest

from churn_core.config import parse_config
from churn_core.data.loading import table_records
from churn_core.models import train_model
from churn_core.models.bundle.writer import write_bundle
from churn_core.models.export.prove import prove_model
from churn_core.models.families import FAMILIES
from churn_core.pipelines import run_training
from churn_core.reports import render_report
from churn_core.scoring.files.score_file import score_file
from churn_core.scoring.predictor import ChurnPredictor

ROWS = 600

# The number of trees does not matter here, so there are few.
PARAMETERS: dict[str, dict[str, Any]] = {
    "additive": {"pairs": 3, "members": 2, "max_iter": 40},
    "random_forest": {"n_estimators": 15},
    "gradient_boosting": {"n_estimators": 25},
}


@dataclass(frozen=True)
class Case:
    """The columns of a table, as the configuration declares them."""

    features: dict[str, dict[str, Any]]
    derived: dict[str, dict[str, Any]]


def number(**more: Any) -> dict[str, Any]:
    return {"kind": "number", "minimum": 0, "maximum": 1000} | more


CATEGORY = {"kind": "category", "nullable": True}
CASES = {
    "numbers only": Case({"a": number(), "b": number(nullable=True)}, {}),
    "categories only": Case({"x": CATEGORY, "y": CATEGORY}, {}),
    "one feature": Case({"a": number(nullable=True)}, {}),
    "odd names": Case(
        {'a "quoted" one': number(), "b.dotted col": CATEGORY, "größe; drop table": number(nullable=True)},
        {
            "ratio of odd": {
                "kind": "ratio",
                "numerator": 'a "quoted" one',
                "denominator": "größe; drop table",
            }
        },
    ),
    "every derived kind": Case(
        {"a": number(), "b": number(nullable=True), "c": number(), "x": CATEGORY, "y": CATEGORY},
        {
            "a per b": {"kind": "ratio", "numerator": "a", "denominator": "b"},
            "a less c": {"kind": "difference", "minuend": "a", "subtrahend": "c"},
            "all": {"kind": "sum", "columns": ["a", "b", "c"]},
            "reds": {"kind": "count", "value": "red", "columns": ["x", "y"]},
            "band": {"kind": "bucket", "column": "b", "edges": [10, 100.5, 500]},
        },
    ),
    "rare values": Case({"town": CATEGORY | {"max_levels": 3}, "a": number(), "n": CATEGORY}, {}),
    "whole numbers and booleans as categories": Case({"n": CATEGORY, "flag": CATEGORY, "a": number()}, {}),
}


def make_table(case: Case) -> pd.DataFrame:
    """Make a table whose target depends on its first column."""
    generator = np.random.default_rng(5)
    columns: dict[str, Any] = {"key": [f"id {i}" for i in range(ROWS)]}
    for name, spec in case.features.items():
        if spec["kind"] == "number":
            values = np.round(generator.gamma(2, 60, ROWS).clip(0, 1000), 2)
            if spec.get("nullable"):
                values[generator.random(ROWS) < 0.1] = np.nan
            columns[name] = values
        elif name == "town":
            columns[name] = [f"town {n}" for n in generator.geometric(0.15, ROWS)]
        elif name == "n":
            columns[name] = generator.integers(0, 4, ROWS)
        elif name == "flag":
            columns[name] = generator.random(ROWS) < 0.5
        else:
            values = generator.choice(["red", "green", "blue", "größte"], ROWS).astype(object)
            values[generator.random(ROWS) < 0.1] = None
            columns[name] = values
    first = pd.Series(columns[next(iter(case.features))])
    rank = first.astype(str).rank(pct=True) if first.dtype == object else first.rank(pct=True).fillna(0.5)
    columns["gone?"] = np.where(generator.random(ROWS) < 0.1 + 0.6 * rank, "left", "stayed")
    return pd.DataFrame(columns)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("name", CASES)
def test_predict_score_and_scikit_learn_agree(name: str, family: str, tmp_path: Path) -> None:
    case = CASES[name]
    config = parse_config(
        {
            "data": {
                "id": "key",
                "target": {"column": "gone?", "positive": "left", "negative": "stayed"},
                "features": case.features,
                "derived": case.derived,
            },
            "model": {"type": family, "params": PARAMETERS.get(family, {})},
            "evaluation": {"folds": 2, "repeats": 1},
        }
    )
    table = make_table(case)
    proved = prove_model(train_model(config, table, jobs=1), table)
    # Plots take most of a run's time and depend on the contract, hardly on the family.
    report = render_report(proved) if family == "additive" else ""
    write_bundle(proved, report, tmp_path / "bundle")
    source = tmp_path / "in.parquet"
    table.to_parquet(source)
    predictor = ChurnPredictor.load(tmp_path / "bundle")
    result = score_file(source, tmp_path / "out.parquet", predictor)
    assert (result.rows, result.rejected) == (ROWS, 0)
    batch = duckdb.execute(f"SELECT churn_probability, will_churn FROM '{tmp_path}/out.parquet'").fetchall()
    online = predictor.predict(table_records(source, predictor.contract))
    assert [(a["churn_probability"], a["will_churn"]) for a in online] == batch
    reference = proved.model.predict_proba(table)
    assert np.abs(reference - [row[0] for row in batch]).max() <= 1e-6 + 5e-7


def test_predict_and_score_are_equal_on_every_telco_row(
    telco_csv: Path, settings: Any, tmp_path: Path
) -> None:
    from churn_core.data import load_csv

    table = load_csv(telco_csv)
    run = run_training(settings, table, tmp_path / "bundle", jobs=1)
    predictor = ChurnPredictor.load(tmp_path / "bundle")
    source = tmp_path / "telco.parquet"
    pd.read_csv(telco_csv).to_parquet(source)
    score_file(source, tmp_path / "out.parquet", predictor)
    rows = duckdb.execute(
        "SELECT churn_probability, will_churn, risk, [reason_1, reason_2, reason_3]"
        f" FROM '{tmp_path}/out.parquet' ORDER BY row_number"
    ).fetchall()
    answers = predictor.predict(table_records(telco_csv, predictor.contract))
    assert len(rows) == len(answers) == len(table) == 7043
    for answer, row in zip(answers, rows, strict=True):
        named = [reason["feature"] for reason in answer["reasons"]]
        assert (answer["churn_probability"], answer["will_churn"], answer["risk"]) == row[:3]
        assert named == [reason for reason in row[3] if reason is not None]
    reference = run.proved.model.predict_proba(table)
    assert np.abs(reference - [row[0] for row in rows]).max() <= 1e-6 + 5e-7
    threshold = run.proved.threshold
    assert ((np.rint(reference * 1e6) / 1e6 >= threshold) == [row[1] for row in rows]).all()

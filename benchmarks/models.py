"""The product's models beside their peers: same tables, same folds, one thread each.

    make bench-models                            # three generated tables
    make bench-models DATA=telco.csv TARGET=Churn

`churn init` writes each table's configuration, and every contender sees the columns that it names. An
additive model chooses its number of pairs anew in every training fold. CatBoost takes categories as they
are; the other peers take the product's encoded matrix. Times are per fold, on one thread, while another
fold runs on the other core; scoring is a million rows of the encoded matrix (of the raw table for
CatBoost), and the product's own graphs give their reasons with it.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
import onnxruntime as ort
from joblib import Parallel, delayed
from scipy.special import expit
from sklearn import metrics
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import RepeatedStratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, SplineTransformer

from benchmarks.churn_tables import TABLES, TARGETS
from churn_core.config import Settings, load_config, parse_config, with_model
from churn_core.data import load_table
from churn_core.data.columns import target_labels
from churn_core.features import TableEncoder, parse_table
from churn_core.models.evaluation.metrics import corrected_error, expected_calibration_error
from churn_core.models.evaluation.selection import choose_pairs
from churn_core.models.export.scoring_graph import build_scoring_graph
from churn_core.models.families import FAMILIES, build_pipeline
from churn_core.models.rows import LabelledRows
from churn_core.models.splits import calibration_folds
from churn_core.models.training import train_model

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt
    import pandas as pd

    Labels = npt.NDArray[np.int64]
    Fitted = Callable[[pd.DataFrame], npt.NDArray[np.float64]]

PAIRS_TRIED_IN = 5
SCORED_ROWS = 100_000
JOBS = 2


def product(family: str) -> Callable[[Settings, pd.DataFrame, Labels], Fitted]:
    """A family of the product."""

    def fit(settings: Settings, rows: pd.DataFrame, labels: Labels) -> Fitted:
        settings = with_model(settings, family, {})
        if family == "additive":
            settings, _ = choose_pairs(settings, LabelledRows(rows, labels), jobs=1)
        encoder = TableEncoder(settings.contract)
        matrix = encoder.fit_transform(rows)
        folds = calibration_folds(labels, None, 0) if FAMILIES[family].always_calibrated else None
        pipeline = build_pipeline(settings.model, encoder.contract_, 0, calibration=folds)
        pipeline.fit(matrix, labels)
        return lambda unseen: pipeline.predict_proba(encoder.transform(unseen))[:, 1]

    return fit


def on_matrix(make: Callable[[list[int], list[int]], Any]) -> Callable[..., Fitted]:
    """A peer that takes the encoded matrix, given the positions of categories and of numbers."""

    def fit(settings: Settings, rows: pd.DataFrame, labels: Labels) -> Fitted:
        encoder = TableEncoder(settings.contract)
        matrix = encoder.fit_transform(rows)
        contract = encoder.contract_
        categories = [contract.position(c.name) for c in contract.categories]
        model = make(categories, [contract.position(n.name) for n in contract.numbers])
        model.fit(matrix, labels)
        return lambda unseen: model.predict_proba(encoder.transform(unseen))[:, 1]

    return fit


def catboost(settings: Settings, rows: pd.DataFrame, labels: Labels) -> Fitted:
    """CatBoost with its defaults, categories declared."""
    from catboost import CatBoostClassifier

    categories = [c.name for c in settings.contract.categories]

    def plain(table: pd.DataFrame) -> pd.DataFrame:
        return table.assign(**{name: table[name].astype(object).fillna("") for name in categories})

    model = CatBoostClassifier(
        verbose=0, random_seed=0, thread_count=1, allow_writing_files=False, cat_features=categories
    ).fit(plain(rows), labels)
    return lambda unseen: model.predict_proba(plain(unseen))[:, 1]


def explainable_boosting(categories: list[int], numbers: list[int]) -> Any:
    """InterpretML's Explainable Boosting Machine with its defaults."""
    from interpret.glassbox import ExplainableBoostingClassifier

    kinds = ["nominal" if c in categories else "continuous" for c in range(len(categories) + len(numbers))]
    return ExplainableBoostingClassifier(feature_types=kinds, random_state=0, n_jobs=1)


def pairwise_boosting(categories: list[int], numbers: list[int]) -> Any:
    """scikit-learn's histogram boosting under interaction_cst="pairwise", nothing else done to it."""
    return HistGradientBoostingClassifier(
        interaction_cst="pairwise", max_leaf_nodes=4, early_stopping=True, max_iter=500, random_state=0
    )


def spline_regression(categories: list[int], numbers: list[int]) -> Any:
    """Logistic regression on quantile splines of the numbers."""
    splines = make_pipeline(SimpleImputer(strategy="median"), SplineTransformer(n_knots=6, knots="quantile"))
    columns = [("number", splines, numbers)] if numbers else []
    columns.append(("category", OneHotEncoder(handle_unknown="ignore"), categories))
    return make_pipeline(ColumnTransformer(columns), LogisticRegression(max_iter=3_000))


CONTENDERS: dict[str, Callable[[Settings, pd.DataFrame, Labels], Fitted]] = {
    "churn: additive": product("additive"),
    "churn: logistic_regression": product("logistic_regression"),
    "churn: gradient_boosting": product("gradient_boosting"),
    "churn: random_forest": product("random_forest"),
    "CatBoost": catboost,
    "InterpretML EBM": on_matrix(explainable_boosting),
    "HGB, pairwise": on_matrix(pairwise_boosting),
    "HGB": on_matrix(lambda categories, numbers: HistGradientBoostingClassifier(random_state=0)),
    "spline logistic": on_matrix(spline_regression),
}


@dataclass(frozen=True, slots=True)
class Fold:
    """What one contender did on one fold."""

    contender: str
    roc_auc: float
    log_loss: float
    ece: float
    fit_seconds: float


def run_fold(
    name: str, settings: Settings, rows: pd.DataFrame, labels: Labels, train: Any, test: Any
) -> Fold:
    """Fit on the training rows, measure on the others."""
    started = time.perf_counter()
    fitted = CONTENDERS[name](settings, rows.iloc[train], labels[train])
    seconds = time.perf_counter() - started
    scores = np.clip(fitted(rows.iloc[test]), 1e-7, 1 - 1e-7)
    return Fold(
        name,
        float(metrics.roc_auc_score(labels[test], scores)),
        float(metrics.log_loss(labels[test], scores)),
        expected_calibration_error(labels[test], scores),
        seconds,
    )


def initialised(table: Path, target: str, folder: Path) -> Settings:
    """Write the configuration by `churn init`, and read it."""
    out = folder / f"{table.stem}.yaml"
    command = [sys.executable, "-m", "churn_core.cli", "init", str(table), "--target", target]
    subprocess.run([*command, "--out", str(out), "--force"], check=True, stdout=subprocess.DEVNULL)
    return load_config(out)


def compare(name: str, table: pd.DataFrame, settings: Settings, repeats: int, wanted: list[str]) -> None:
    """Print a table of all contenders on one churn table."""
    labels = target_labels(table[settings.contract.target], settings.contract)
    rows = parse_table(table, settings.contract)
    folds = RepeatedStratifiedKFold(n_splits=5, n_repeats=repeats, random_state=42)
    splits = list(folds.split(np.zeros(len(labels)), labels))
    found = Parallel(n_jobs=JOBS)(
        delayed(run_fold)(contender, settings, rows, labels, train, test)
        for contender in wanted
        for train, test in splits
    )
    print(f"\n{name}: {len(table):,} rows, {labels.mean():.1%} leave, 5 x {repeats} folds", flush=True)
    print("| model | ROC AUC | log loss | calibration error | AUC beside CatBoost | fit, s |")
    print("| --- | --- | --- | --- | --- | --- |")
    by_name = {contender: [f for f in found if f.contender == contender] for contender in wanted}
    for contender, own in by_name.items():
        auc = np.array([f.roc_auc for f in own])
        beside = "-"
        if "CatBoost" in by_name:
            difference = auc - np.array([f.roc_auc for f in by_name["CatBoost"]])
            beside = f"{difference.mean():+.4f} ± {corrected_error(difference, 1 / 4):.4f}"
        print(
            f"| {contender} | {auc.mean():.4f} | {np.mean([f.log_loss for f in own]):.4f}"
            f" | {np.mean([f.ece for f in own]):.4f} | {beside}"
            f" | {np.mean([f.fit_seconds for f in own]):.2f} |",
            flush=True,
        )


def scoring_speed(name: str, table: pd.DataFrame, settings: Settings) -> None:
    """Print how fast the graph of the default model scores beside scikit-learn, one thread each."""
    from threadpoolctl import threadpool_limits

    quick = parse_config(settings.model_dump() | {"evaluation": {"folds": 5, "repeats": 1}})
    model = train_model(with_model(quick, "additive", {}), table, jobs=1)
    scoring = build_scoring_graph(model)
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = ort.InferenceSession(scoring.model.SerializeToString(), options)
    names = [output.name for output in session.get_outputs()]
    copies = -(-SCORED_ROWS // len(model.training_matrix))
    matrix = np.tile(model.training_matrix, (copies, 1))[:SCORED_ROWS]
    member = model.estimator.members_[0]
    represented = model.pipeline[:-1].transform(matrix)

    def graph() -> None:
        for start in range(0, len(matrix), 4_096):
            session.run(names, {"features": matrix[start : start + 4_096]})

    ways = {
        "graph, with reasons": graph,
        "scikit-learn, the same model": lambda: model.pipeline.predict_proba(matrix),
        "scikit-learn, one member of it": lambda: expit(member.decision_function(represented)),
    }
    print(f"\n{name}: rows/s on one thread, {len(model.estimator.members_)} members of", end=" ")
    print(f"{np.mean([m.n_iter_ for m in model.estimator.members_]):.0f} trees, pairs", end=" ")
    print(f"{model.settings.model.params['pairs']}, {len(scoring.model.SerializeToString()):,} bytes")
    with threadpool_limits(1):
        rates = {way: SCORED_ROWS / _best_of_three(run) for way, run in ways.items()}
    for way, rate in rates.items():
        print(f"| {way} | {rate:,.0f} | {rates['graph, with reasons'] / rate:.1f} times |")


def _best_of_three(run: Callable[[], Any]) -> float:
    run()
    seconds = []
    for _ in range(3):
        started = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - started)
    return min(seconds)


def main() -> None:
    """Compare on a table of the user's own, or on the generated ones."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", type=Path, help="a labelled table; the generated ones by default")
    parser.add_argument("--target", default="Churn")
    parser.add_argument("--rows", type=int, default=10_000, help="rows of a generated table")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--only", nargs="+", choices=CONTENDERS, default=list(CONTENDERS))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tables = {}
        if options.data:
            tables[options.data.stem] = (options.data, options.target)
        else:
            for table_name, make in TABLES.items():
                path = folder / f"{table_name}.parquet"
                make(options.rows, 7).to_parquet(path, index=False)
                tables[table_name] = (path, TARGETS[table_name])
        for table_name, (path, target) in tables.items():
            settings = initialised(path, target, folder)
            table = load_table(path, settings.contract)
            compare(table_name, table, settings, options.repeats, options.only)
            scoring_speed(table_name, table, settings)


if __name__ == "__main__":
    main()

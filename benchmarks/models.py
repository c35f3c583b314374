"""Compare the product's models with others: same tables, same folds, one thread each.

    make bench-models                            # three generated tables
    make bench-models DATA=telco.csv TARGET=Churn

`churn init` writes each table's configuration, and every contender gets the columns in it. An additive
model chooses its number of pairs in every training fold. CatBoost gets the categories themselves; the
other peers get the product's encoded matrix. A fit runs on one thread while another fold runs on the
other core. Scoring speed is that of the additive model on 100,000 encoded rows, with its reasons.
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
from benchmarks.measuring import markdown_table, seconds_of
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
from churn_core.scoring.onnx_session import open_session

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt
    import pandas as pd

    Labels = npt.NDArray[np.int64]
    Fitted = Callable[[pd.DataFrame], npt.NDArray[np.float64]]

SCORED_ROWS = 100_000
JOBS = 2


def product(family: str) -> Callable[[Settings, pd.DataFrame, Labels], Fitted]:
    """Return the fit of a family of the product."""

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
    """Return the fit of a peer on the encoded matrix; `make` gets the positions of categories and numbers."""

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
    """Fit CatBoost with its defaults and with declared categories."""
    from catboost import CatBoostClassifier

    categories = [c.name for c in settings.contract.categories]

    def plain(table: pd.DataFrame) -> pd.DataFrame:
        return table.assign(**{name: table[name].astype(object).fillna("") for name in categories})

    model = CatBoostClassifier(
        verbose=0, random_seed=0, thread_count=1, allow_writing_files=False, cat_features=categories
    ).fit(plain(rows), labels)
    return lambda unseen: model.predict_proba(plain(unseen))[:, 1]


def explainable_boosting(categories: list[int], numbers: list[int]) -> Any:
    """Return InterpretML's Explainable Boosting Machine with its defaults."""
    from interpret.glassbox import ExplainableBoostingClassifier

    kinds = ["nominal" if c in categories else "continuous" for c in range(len(categories) + len(numbers))]
    return ExplainableBoostingClassifier(feature_types=kinds, random_state=0, n_jobs=1)


def pairwise_boosting(categories: list[int], numbers: list[int]) -> Any:
    """Return scikit-learn's histogram boosting with ``interaction_cst="pairwise"``."""
    return HistGradientBoostingClassifier(
        interaction_cst="pairwise", max_leaf_nodes=4, early_stopping=True, max_iter=500, random_state=0
    )


def spline_regression(categories: list[int], numbers: list[int]) -> Any:
    """Return a logistic regression on quantile splines of the numbers."""
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
    """Results of one contender on one fold."""

    contender: str
    roc_auc: float
    log_loss: float
    ece: float
    fit_seconds: float


def run_fold(
    name: str, settings: Settings, rows: pd.DataFrame, labels: Labels, train: Any, test: Any
) -> Fold:
    """Fit on the training rows, measure on the test rows."""
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


def init_settings(table: Path, target: str, folder: Path) -> Settings:
    """Write a configuration with `churn init` and read it."""
    out = folder / f"{table.stem}.yaml"
    command = [sys.executable, "-m", "churn_core.cli", "init", str(table), "--target", target]
    subprocess.run([*command, "--out", str(out), "--force"], check=True, stdout=subprocess.DEVNULL)
    return load_config(out)


def compare(name: str, table: pd.DataFrame, settings: Settings, repeats: int, contenders: list[str]) -> None:
    """Print a table of all contenders on one churn table."""
    labels = target_labels(table[settings.contract.target], settings.contract)
    rows = parse_table(table, settings.contract)
    folds = RepeatedStratifiedKFold(n_splits=5, n_repeats=repeats, random_state=42)
    splits = list(folds.split(np.zeros(len(labels)), labels))
    found = Parallel(n_jobs=JOBS)(
        delayed(run_fold)(contender, settings, rows, labels, train, test)
        for contender in contenders
        for train, test in splits
    )
    print(f"\n{name}: {len(table):,} rows, {labels.mean():.1%} leave, 5 x {repeats} folds", flush=True)
    by_name = {contender: [f for f in found if f.contender == contender] for contender in contenders}
    table_rows = []
    for contender, own in by_name.items():
        difference = "-"
        if "CatBoost" in by_name:
            pairs = zip(own, by_name["CatBoost"], strict=True)
            values = np.array([fold.roc_auc - peer.roc_auc for fold, peer in pairs])
            difference = f"{values.mean():+.4f} ± {corrected_error(values, 1 / 4):.4f}"
        auc, loss, ece = (np.mean([getattr(f, name) for f in own]) for name in ("roc_auc", "log_loss", "ece"))
        seconds = np.mean([f.fit_seconds for f in own])
        table_rows.append(
            [contender, f"{auc:.4f}", f"{loss:.4f}", f"{ece:.4f}", difference, f"{seconds:.2f}"]
        )
    head = ["model", "ROC AUC", "log loss", "calibration error", "AUC - CatBoost's", "fit, s"]
    print(markdown_table(head, table_rows), flush=True)


def scoring_speed(name: str, table: pd.DataFrame, settings: Settings) -> None:
    """Print the rows/s of the default model's graph and of scikit-learn, on one thread each."""
    from threadpoolctl import threadpool_limits

    quick = parse_config(settings.model_dump() | {"evaluation": {"folds": 5, "repeats": 1}})
    model = train_model(with_model(quick, "additive", {}), table, jobs=1)
    scoring = build_scoring_graph(model)
    session = open_session(scoring.model.SerializeToString())
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
        # The first of four runs warms up.
        rates = {way: SCORED_ROWS / min([seconds_of(run) for _ in range(4)][1:]) for way, run in ways.items()}
    rows = [
        [way, f"{rate:,.0f}", f"{rates['graph, with reasons'] / rate:.1f}"] for way, rate in rates.items()
    ]
    print(markdown_table(["scorer", "rows/s", "graph / it"], rows))


def main() -> None:
    """Compare on the table in ``--data``, or on the generated tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", type=Path, help="a labelled table (default: the generated tables)")
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
            settings = init_settings(path, target, folder)
            table = load_table(path, settings.contract)
            compare(table_name, table, settings, options.repeats, options.only)
            scoring_speed(table_name, table, settings)


if __name__ == "__main__":
    main()

"""Batch scoring beside pandas + scikit-learn, in one run on one file.

    python -m benchmarks.batch [--rows 2000000] [--family logistic_regression]

Every contender runs in a process of its own; its time is taken inside, without imports and loading of
the model, and its memory is the peak of its resident set. The machine's noise is shared by all, so read
the ratios. Runs are repeated in turn and the best of each counts.
"""

from __future__ import annotations

import argparse
import json
import pickle
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

    from churn_core.config import Settings


REPEATS = 3
THREADS = 2


def _peak_rss_mb() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1000
    raise RuntimeError("no VmHWM")


def churn_score(work: Path) -> float:
    """The product: `churn score`."""
    from churn_core.scoring.files.score_file import BatchSettings, score_file
    from churn_core.scoring.predictor import ChurnPredictor

    predictor = ChurnPredictor.load(work / "model")
    started = time.perf_counter()
    score_file(work / "in.parquet", work / "out.parquet", predictor, BatchSettings(threads=THREADS))
    return time.perf_counter() - started


def plain_sklearn(work: Path) -> float:
    """What a data scientist would write: read_parquet, a ColumnTransformer on the frame, to_parquet."""
    return _pandas_and_pickle(work, "plain.pickle")


def own_sklearn(work: Path) -> float:
    """The product's scikit-learn pipeline, before its export, on the same frame."""
    return _pandas_and_pickle(work, "own.pickle")


def _pandas_and_pickle(work: Path, pipeline_file: str) -> float:
    import pandas as pd

    pipeline = pickle.loads((work / pipeline_file).read_bytes())
    started = time.perf_counter()
    table = pd.read_parquet(work / "in.parquet")
    scores = pipeline.predict_proba(table)[:, 1]
    pd.DataFrame({"customerID": table["customerID"], "churn_probability": scores}).to_parquet(
        work / "pandas.parquet", compression="zstd"
    )
    return time.perf_counter() - started


def duckdb_copy(work: Path) -> float:
    """DuckDB alone, without a model: reads the same file, writes columns of the same names and types."""
    import duckdb

    connection = duckdb.connect(config={"threads": THREADS})
    started = time.perf_counter()
    connection.execute(
        f"""COPY (SELECT file_row_number AS row_number, customerID, 'scored' AS status,
        NULL::VARCHAR AS reject_code, round(MonthlyCharges / 120, 6) AS churn_probability,
        MonthlyCharges > 50 AS will_churn, ['low', 'medium', 'high'][1 + tenure % 3] AS risk,
        ['Contract', 'tenure', 'gender', 'Partner'][1 + tenure % 4] AS reason_1,
        ['Contract', 'tenure', 'gender', 'Partner'][1 + tenure % 3] AS reason_2,
        ['Contract', 'tenure', 'gender', 'Partner'][1 + tenure % 2] AS reason_3,
        NULL::VARCHAR AS warnings, 'churn-000000000000' AS model_version
        FROM read_parquet('{work}/in.parquet', file_row_number=true))
        TO '{work}/copy.parquet' (FORMAT parquet, COMPRESSION zstd)"""
    )
    return time.perf_counter() - started


def onnxruntime_alone(work: Path) -> float:
    """onnxruntime alone: the scoring graph on rows that are encoded already, on the same threads."""
    from concurrent.futures import ThreadPoolExecutor

    import numpy as np

    from churn_core.scoring.predictor import ChurnPredictor

    predictor = ChurnPredictor.load(work / "model")
    matrix = np.load(work / "matrix.npy")
    rows = json.loads((work / "about.json").read_text())["rows"]
    parts = [matrix] * (rows // len(matrix))
    started = time.perf_counter()
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(predictor.score_matrix, parts))
    return time.perf_counter() - started


CONTENDERS = {
    f.__name__: f for f in (churn_score, plain_sklearn, own_sklearn, duckdb_copy, onnxruntime_alone)
}


def prepare(work: Path, rows: int, family: str) -> None:
    """Write the input file, the bundle and both pickled scikit-learn pipelines."""
    import numpy as np
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import FunctionTransformer

    from churn_core.config import load_config, with_model_type
    from churn_core.data import generate_sample_data, write_sample_data
    from churn_core.data.columns import target_labels
    from churn_core.features import parse_table
    from churn_core.pipelines import run_training

    config = with_model_type(load_config(), family)
    table = generate_sample_data(20_000, seed=1)
    model = run_training(config, table, work / "model").proved.model
    parse = FunctionTransformer(parse_table, kw_args={"contract": model.contract})
    own = Pipeline([("parse", parse), *model.whole_pipeline.steps])
    (work / "own.pickle").write_bytes(pickle.dumps(own))
    plain = plain_pipeline(config)
    plain.fit(table, target_labels(table["Churn"], config.contract))
    (work / "plain.pickle").write_bytes(pickle.dumps(plain))
    np.save(work / "matrix.npy", model.encoder.transform(parse_table(table, model.contract)))
    (work / "about.json").write_text(json.dumps({"rows": rows}))
    write_sample_data(work / "in.parquet", rows, seed=3)


def plain_pipeline(config: Settings) -> Pipeline:
    """Build the usual pipeline: one-hot or ordinal categories, imputed (and scaled) numbers, no more."""
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

    from churn_core.models.families import FAMILIES, build_estimator

    one_hot = FAMILIES[config.model.type].representation == "one_hot"
    categories = (
        OneHotEncoder(handle_unknown="ignore")
        if one_hot
        else OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    )
    numbers = make_pipeline(SimpleImputer(strategy="median"), *([StandardScaler()] if one_hot else []))
    contract = config.contract
    columns = ColumnTransformer(
        [
            ("categories", categories, [c.name for c in contract.categories]),
            ("numbers", numbers, [n.name for n in contract.numbers]),
        ]
    )
    return make_pipeline(columns, build_estimator(config.model, config.data.random_state))


def _self(work: Path) -> list[str]:
    return [sys.executable, "-m", "benchmarks.batch", "--work", str(work)]


def run_one(name: str, work: Path) -> dict[str, float]:
    """Run a contender in a process of its own."""
    done = subprocess.run(
        [*_self(work), "--contender", name],
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    """Prepare, run the contenders in turn, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--family", default="logistic_regression")
    parser.add_argument("--grow", action="store_true", help="also score ten times the rows, for the memory")
    parser.add_argument("--contender", choices=sorted(CONTENDERS), help=argparse.SUPPRESS)
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--prepare", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.prepare:
        prepare(options.work, int(options.prepare[0]), options.prepare[1])
        return
    if options.contender:
        seconds = CONTENDERS[options.contender](options.work)
        print(json.dumps({"seconds": seconds, "peak_mb": _peak_rss_mb()}))
        return
    with tempfile.TemporaryDirectory(prefix="churn-bench-") as name:
        work = Path(name)
        # In a process of its own, so that what training takes of memory is not counted below.
        subprocess.run([*_self(work), "--prepare", str(options.rows), options.family], check=True)
        report(options.rows, options.family, work)
        if options.grow:
            grow(work)


def report(rows: int, family: str, work: Path) -> None:
    """Measure and print."""
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in CONTENDERS}
    for _ in range(REPEATS):
        for name, results in runs.items():
            results.append(run_one(name, work))
    best = {name: min(result["seconds"] for result in results) for name, results in runs.items()}
    peak = {name: max(result["peak_mb"] for result in results) for name, results in runs.items()}
    print(f"{rows:,} rows, {family}, best of {REPEATS}, {THREADS} threads")
    print(f"{'':<22}{'seconds':>9}{'rows/s':>12}{'peak MB':>9}")
    for name, seconds in best.items():
        print(f"{name:<22}{seconds:>9.2f}{rows / seconds:>12,.0f}{peak[name]:>9.0f}")
    floor = best["duckdb_copy"] + best["onnxruntime_alone"]
    for peer in ("plain_sklearn", "own_sklearn"):
        print(f"churn_score is {best[peer] / best['churn_score']:.1f} times as fast as {peer}")
    print(f"churn_score takes {best['churn_score'] / floor:.2f} times duckdb_copy + onnxruntime_alone")


def grow(work: Path) -> None:
    """Print how the peak memory grows with ten times the rows."""
    import duckdb

    small = run_one("churn_score", work)
    duckdb.execute(
        f"COPY (SELECT t.* REPLACE (customerID || i AS customerID) FROM range(10) r(i),"
        f" '{work}/in.parquet' t) TO '{work}/ten.parquet' (FORMAT parquet, COMPRESSION zstd)"
    )
    (work / "ten.parquet").replace(work / "in.parquet")
    large = run_one("churn_score", work)
    growth = large["peak_mb"] / small["peak_mb"] - 1
    print(f"ten times the rows: {small['peak_mb']:.0f} MB -> {large['peak_mb']:.0f} MB ({growth:+.1%})")


if __name__ == "__main__":
    main()

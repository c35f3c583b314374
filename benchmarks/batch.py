"""Compare batch scoring with pandas and scikit-learn, on one file in one run.

    python -m benchmarks.batch [--rows 2000000] [--family logistic_regression]
    python -m benchmarks.batch --only churn_score score_csv --rows 1000000
    python -m benchmarks.batch --only churn_score score_without_drift count_drift --repeats 11

Each contender runs in a fresh process. Its time excludes imports and loading of the model; its memory is
the peak of the resident set. Contenders take turns, and the best run of each counts. Other work on the
machine slows all of them, so read the ratios. The second command compares CSV with Parquet, and the third
measures what counting drift costs.
"""

from __future__ import annotations

import argparse
import pickle
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measuring import call_in_fresh_process, seconds_of
from benchmarks.trained_model import ModelFiles, write_model

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt
    from sklearn.pipeline import Pipeline

    from churn_core.config import Settings
    from churn_core.scoring.predictor import ChurnPredictor

THREADS = 2
MATRIX_ROWS = 20_000


def _peak_rss_mb() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1000
    raise RuntimeError("/proc/self/status has no VmHWM.")


def churn_score(work: Path, rows: int) -> float:
    """`churn score`."""
    from churn_core.scoring.predictor import ChurnPredictor

    return _score_file(work, ChurnPredictor.load(ModelFiles(work).bundle))


def score_without_drift(work: Path, rows: int) -> float:
    """`churn score` with a bundle that has no training profile, so it does not count drift."""
    from dataclasses import replace

    from churn_core.scoring.bundle import load_bundle
    from churn_core.scoring.predictor import ChurnPredictor

    bundle = load_bundle(ModelFiles(work).bundle)
    manifest = {key: value for key, value in bundle.manifest.items() if key != "profile"}
    return _score_file(work, ChurnPredictor(replace(bundle, manifest=manifest)))


def score_csv(work: Path, rows: int) -> float:
    """`churn score` of the same table as a CSV file."""
    from churn_core.scoring.predictor import ChurnPredictor

    return _score_file(work, ChurnPredictor.load(ModelFiles(work).bundle), "in.csv")


def _score_file(work: Path, predictor: ChurnPredictor, name: str = "in.parquet") -> float:
    from churn_core.scoring.files.score_file import BatchSettings, score_file

    settings = BatchSettings(threads=THREADS)
    return seconds_of(lambda: score_file(work / name, work / "out.parquet", predictor, settings))


def plain_sklearn(work: Path, rows: int) -> float:
    """What a data scientist would write: read_parquet, a ColumnTransformer on the frame, to_parquet."""
    return _score_with_pandas(work, pickle.loads((work / "plain.pickle").read_bytes()))


def own_sklearn(work: Path, rows: int) -> float:
    """The product's scikit-learn pipeline, before its export, on the same frame."""
    import joblib

    return _score_with_pandas(work, joblib.load(ModelFiles(work).pipeline))


def _score_with_pandas(work: Path, pipeline: Pipeline) -> float:
    import pandas as pd

    def score() -> None:
        table = pd.read_parquet(work / "in.parquet")
        scores = pipeline.predict_proba(table)[:, 1]
        pd.DataFrame({"customerID": table["customerID"], "churn_probability": scores}).to_parquet(
            work / "pandas.parquet", compression="zstd"
        )

    return seconds_of(score)


def duckdb_copy(work: Path, rows: int) -> float:
    """DuckDB alone, without a model: reads the same file, writes columns of the same names and types."""
    import duckdb

    connection = duckdb.connect(config={"threads": THREADS})
    query = f"""COPY (SELECT file_row_number AS row_number, customerID, 'scored' AS status,
        NULL::VARCHAR AS reject_code, round(MonthlyCharges / 120, 6) AS churn_probability,
        MonthlyCharges > 50 AS will_churn, ['low', 'medium', 'high'][1 + tenure % 3] AS risk,
        ['Contract', 'tenure', 'gender', 'Partner'][1 + tenure % 4] AS reason_1,
        ['Contract', 'tenure', 'gender', 'Partner'][1 + tenure % 3] AS reason_2,
        ['Contract', 'tenure', 'gender', 'Partner'][1 + tenure % 2] AS reason_3,
        NULL::VARCHAR AS warnings, 'churn-000000000000' AS model_version
        FROM read_parquet('{work}/in.parquet', file_row_number=true))
        TO '{work}/copy.parquet' (FORMAT parquet, COMPRESSION zstd)"""
    return seconds_of(lambda: connection.execute(query))


def onnxruntime_alone(work: Path, rows: int) -> float:
    """The scoring graph alone on encoded rows, on the same number of threads."""
    from concurrent.futures import ThreadPoolExecutor

    from churn_core.scoring.predictor import ChurnPredictor

    predictor = ChurnPredictor.load(ModelFiles(work).bundle)
    parts = _encoded_parts(work, rows)
    with ThreadPoolExecutor(THREADS) as pool:
        return seconds_of(lambda: list(pool.map(predictor.score_matrix, parts)))


def count_drift(work: Path, rows: int) -> float:
    """Counting drift alone on encoded and scored rows, on one thread."""
    import numpy as np

    from churn_core.scoring.drift.counter import DriftCounter
    from churn_core.scoring.drift.profile import TrainingProfile
    from churn_core.scoring.predictor import ChurnPredictor

    predictor = ChurnPredictor.load(ModelFiles(work).bundle)
    bundle = predictor.bundle
    profile = TrainingProfile.from_bundle(bundle)
    if profile is None:
        raise RuntimeError("The bundle has no training profile.")
    counter = DriftCounter(bundle.contract, profile, bundle.threshold)
    parts = _encoded_parts(work, rows)
    scores = predictor.score_matrix(parts[0]).probability
    columns = np.ascontiguousarray(parts[0].T)
    return seconds_of(lambda: [counter.count(columns, scores) for _ in parts])


def _encoded_parts(work: Path, rows: int) -> list[npt.NDArray[np.float32]]:
    """Return the encoded training rows as often as the file's rows need; they share one matrix."""
    import numpy as np

    return [np.load(work / "matrix.npy")] * max(1, rows // MATRIX_ROWS)


COMPARED = {f.__name__: f for f in (churn_score, plain_sklearn, own_sklearn, duckdb_copy, onnxruntime_alone)}
CONTENDERS = COMPARED | {f.__name__: f for f in (score_csv, score_without_drift, count_drift)}


def prepare(work: Path, rows: int, family: str) -> None:
    """Write the input files, the bundle and both scikit-learn pipelines."""
    import duckdb
    import numpy as np

    from churn_core.config import load_config, with_model_type
    from churn_core.data import generate_sample_data, write_sample_data
    from churn_core.data.columns import target_labels
    from churn_core.features import parse_table

    config = with_model_type(load_config(), family)
    model = write_model(work, family, MATRIX_ROWS)
    table = generate_sample_data(MATRIX_ROWS, seed=1)
    plain = build_plain_pipeline(config)
    plain.fit(table, target_labels(table["Churn"], config.contract))
    (work / "plain.pickle").write_bytes(pickle.dumps(plain))
    np.save(work / "matrix.npy", model.encoder.transform(parse_table(table, model.contract)))
    write_sample_data(work / "in.parquet", rows, seed=3)
    duckdb.execute(f"COPY (FROM '{work}/in.parquet') TO '{work}/in.csv'")


def build_plain_pipeline(config: Settings) -> Pipeline:
    """Build the usual pipeline: one-hot or ordinal categories, imputed numbers, scaled for one-hot."""
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


def run_contender(name: str, work: Path, rows: int) -> tuple[float, float]:
    """Return a contender's seconds and the peak memory of this process in MB."""
    return CONTENDERS[name](work, rows), _peak_rss_mb()


def main() -> None:
    """Prepare the files, run the contenders in turn, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--family", default="logistic_regression")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each contender (default 3)")
    parser.add_argument("--only", nargs="+", choices=CONTENDERS, default=list(COMPARED), metavar="CONTENDER")
    parser.add_argument("--grow", action="store_true", help="also score ten times the rows, for the memory")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="churn-bench-") as name:
        work = Path(name)
        call_in_fresh_process(prepare, work, options.rows, options.family)
        print(f"{options.rows:,} rows, {options.family}, best of {options.repeats}, {THREADS} threads")
        compare(work, options.rows, options.only, options.repeats)
        if options.grow:
            grow(work, options.rows)


def compare(work: Path, rows: int, names: Sequence[str], repeats: int) -> None:
    """Measure the contenders and print their times, memory and ratios to the first."""
    runs: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
    for _ in range(repeats):
        for name, results in runs.items():
            results.append(call_in_fresh_process(run_contender, name, work, rows))
    best = {name: min(seconds for seconds, _ in results) for name, results in runs.items()}
    print(f"{'':<22}{'seconds':>9}{'rows/s':>14}{'peak MB':>9}  seconds / {names[0]}")
    for name, seconds in best.items():
        peak = max(megabytes for _, megabytes in runs[name])
        ratio = seconds / best[names[0]]
        print(f"{name:<22}{seconds:>9.3f}{rows / seconds:>14,.0f}{peak:>9.0f}{ratio:>9.3f}")
    if set(COMPARED) <= set(best):
        floor = best["duckdb_copy"] + best["onnxruntime_alone"]
        print(f"churn_score takes {best['churn_score'] / floor:.2f} times duckdb_copy + onnxruntime_alone")


def grow(work: Path, rows: int) -> None:
    """Print how much the peak memory grows with ten times the rows."""
    import duckdb

    _, small = call_in_fresh_process(run_contender, "churn_score", work, rows)
    duckdb.execute(
        f"COPY (SELECT t.* REPLACE (customerID || i AS customerID) FROM range(10) r(i),"
        f" '{work}/in.parquet' t) TO '{work}/ten.parquet' (FORMAT parquet, COMPRESSION zstd)"
    )
    (work / "ten.parquet").replace(work / "in.parquet")
    _, large = call_in_fresh_process(run_contender, "churn_score", work, 10 * rows)
    print(f"ten times the rows: {small:.0f} MB -> {large:.0f} MB ({large / small - 1:+.1%})")


if __name__ == "__main__":
    main()

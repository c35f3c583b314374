"""What counting drift costs: batch scoring with it and without, in turn, on one file in one run.

    python -m benchmarks.drift [--rows 2000000] [--family logistic_regression]

Without: the same bundle, its training profile taken out. The machine's noise is shared by both, so read
the ratio of the best runs. Also told is what counting takes alone, on one thread.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import replace
from pathlib import Path

REPEATS = 11
THREADS = 2


def main() -> None:
    """Train, write the input, score in turn, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--family", default="logistic_regression")
    options = parser.parse_args()

    import numpy as np

    from churn_core.config import load_config, with_model_type
    from churn_core.data import generate_sample_data, write_sample_data
    from churn_core.features import parse_table
    from churn_core.pipelines import run_training
    from churn_core.scoring.drift.counter import DriftCounter
    from churn_core.scoring.drift.profile import TrainingProfile
    from churn_core.scoring.files.score_file import BatchSettings, score_file
    from churn_core.scoring.predictor import ROWS_PER_RUN, ChurnPredictor

    with tempfile.TemporaryDirectory(prefix="churn-bench-") as name:
        work = Path(name)
        config = with_model_type(load_config(), options.family)
        table = generate_sample_data(20_000, seed=1)
        run = run_training(config, table, work / "model")
        source = work / "in.parquet"
        write_sample_data(source, options.rows, seed=3)

        bundle = run.bundle
        manifest = {key: value for key, value in bundle.manifest.items() if key != "profile"}
        predictors = {
            "with": ChurnPredictor(bundle),
            "without": ChurnPredictor(replace(bundle, manifest=manifest)),
        }
        best = dict.fromkeys(predictors, float("inf"))
        for _ in range(REPEATS):
            for kind, predictor in predictors.items():
                started = time.perf_counter()
                score_file(source, work / "out.parquet", predictor, BatchSettings(threads=THREADS))
                best[kind] = min(best[kind], time.perf_counter() - started)

        matrix = run.proved.model.encoder.transform(parse_table(table, bundle.contract))
        batch = np.resize(matrix, (8 * ROWS_PER_RUN, matrix.shape[1]))
        scores = predictors["with"].score_matrix(batch).probability
        profile = TrainingProfile.from_bundle(bundle)
        if profile is None:
            raise SystemExit("the bundle has no training profile")
        columns = np.ascontiguousarray(batch.T)
        counter = DriftCounter(bundle.contract, profile, bundle.threshold)
        alone = float("inf")
        for _ in range(10 * REPEATS):
            started = time.perf_counter()
            counter.count(columns, scores)
            alone = min(alone, time.perf_counter() - started)

    print(f"{options.rows:,} rows, {options.family}, best of {REPEATS}, {THREADS} threads")
    for kind, seconds in best.items():
        print(f"{kind + ' drift':<15}{seconds:>7.3f} s{options.rows / seconds:>13,.0f} rows/s")
    print(f"ratio          {best['with'] / best['without']:>7.3f}")
    print(f"counting alone {alone / len(batch) * 1e9:>7.1f} ns a row on one thread")


if __name__ == "__main__":
    main()

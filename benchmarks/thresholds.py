"""Compare three thresholds on new customers: the break-even, the best out of fold, the rule of `churn train`.

    python -m benchmarks.thresholds

Trains on sample customers and decides by money as `churn train` does. The profit of each threshold on
100,000 new customers is compared with that of their best threshold. The loss is for each customer, in
thousandths of a kept customer's value. `churn_core.models.evaluation.threshold.choose_threshold` cites
such a run, which takes some minutes.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

import numpy as np

from churn_core.config import load_config, parse_config
from churn_core.data import generate_sample_data
from churn_core.models.evaluation.ranking import Ranking, best_stop, profit
from churn_core.models.training import train_model
from churn_core.scoring.money import Money
from churn_core.scoring.scores import round_probability

if TYPE_CHECKING:
    import pandas as pd

BREAK_EVENS = (0.05, 2 / 15, 0.3, 0.5, 0.7)
MODELS: dict[str, dict[str, Any]] = {
    "logistic regression": {"type": "logistic_regression"},
    "random forest": {"type": "random_forest"},
    "boosting, overfitted, not calibrated": {
        "type": "gradient_boosting",
        "calibration": "none",
        "params": {"learning_rate": 0.3},
    },
}


def losses(model: dict[str, Any], training: pd.DataFrame, fresh: pd.DataFrame) -> list[list[float]]:
    """Return the losses of the three thresholds (break-even, best out of fold, rule) at each break-even."""
    labels = (fresh["Churn"] == "Yes").to_numpy().astype(np.int64)
    found = []
    for break_even in BREAK_EVENS:
        money = Money(1.0, break_even, 1.0)
        settings = {
            **load_config().model_dump(),
            "model": model,
            "evaluation": {"folds": 5, "repeats": 2},
            "decision": money.to_dict(),
        }
        trained = train_model(parse_config(settings), training)
        stops = Ranking(labels, round_probability(trained.predict_proba(fresh))[None, :]).stops()
        earned = profit(money)(stops) / len(fresh)
        thresholds = (money.break_even_threshold, trained.decision.observed_best.threshold, trained.threshold)
        best = earned[best_stop(stops, profit(money))]
        found.append([1000 * float(best - earned[stops.at(threshold)]) for threshold in thresholds])
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[750, 2_500, 7_500], help="training rows")
    parser.add_argument("--seeds", type=int, default=4, help="training tables of each size")
    options = parser.parse_args()
    fresh = generate_sample_data(100_000, seed=99)
    print(f"{'model':<38}{'break-even':>12}{'observed':>12}{'this rule':>12}")
    for name, model in MODELS.items():
        measured = [
            losses(model, generate_sample_data(size, seed=1_000 + seed), fresh)
            for size in options.sizes
            for seed in range(options.seeds)
        ]
        means = np.mean(measured, axis=(0, 1))
        print(f"{name:<38}" + "".join(f"{mean:>12.2f}" for mean in means), flush=True)


if __name__ == "__main__":
    main()

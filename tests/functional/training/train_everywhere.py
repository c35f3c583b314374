"""Train small models on tables of several kinds, and print the sha256 of every file of their bundles.

`test_same_bytes` runs this in processes that differ in everything that must not matter.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from churn_core.config import Settings, parse_config
from churn_core.pipelines import run_training

ROWS: Final = 400
FAMILIES: Final[dict[str, dict[str, Any]]] = {
    "logistic_regression": {},
    "additive": {"pairs": 2, "members": 2, "max_iter": 20},
    "boosting": {"members": 2, "max_iter": 20},
    "random_forest": {"n_estimators": 8},
    "gradient_boosting": {"n_estimators": 8},
}


def category(**changes: Any) -> dict[str, Any]:
    return {"kind": "category"} | changes


def number(**changes: Any) -> dict[str, Any]:
    return {"kind": "number", "minimum": -10, "maximum": 50} | changes


def tables() -> dict[str, tuple[pd.DataFrame, dict[str, Any]]]:
    """Return each kind of table with its features."""
    generator = np.random.default_rng(5)
    score = generator.normal(size=ROWS)
    left = pd.Series(np.where(score + generator.normal(size=ROWS) > 0.5, "Yes", "No"), name="Churn")

    def levels(count: int, prefix: str = "level") -> pd.Series:
        noisy = np.argsort(np.argsort(score + generator.normal(size=ROWS)))
        return pd.Series([f"{prefix} {position}" for position in noisy * count // ROWS])

    text_number = pd.Series([f" {value:.2f}" if value > -1.5 else " " for value in score])
    return {
        "categories only": (
            pd.DataFrame({"plan": levels(3), "region": levels(4, "Région"), "Churn": left}),
            {"plan": category(), "region": category()},
        ),
        "numbers only": (
            pd.DataFrame({"usage": score, "calls": generator.integers(0, 40, ROWS), "Churn": left}),
            {"usage": number(), "calls": number(integer=True)},
        ),
        "many levels": (
            pd.DataFrame({"town": levels(60), "shop": levels(35, "shop"), "Churn": left}),
            {"town": category(), "shop": category()},
        ),
        "numbers as text": (
            pd.DataFrame({"amount": text_number, "plan": levels(3), "usage": -score, "Churn": left}),
            {"amount": number(stored_as="text", nullable=True), "plan": category(), "usage": number()},
        ),
    }


def settings(family: str, features: dict[str, Any]) -> Settings:
    return parse_config(
        {
            "data": {
                "target": {"column": "Churn", "positive": "Yes", "negative": "No"},
                "features": features,
            },
            "model": {"type": family, "params": FAMILIES[family]},
            "evaluation": {"folds": 2, "repeats": 1},
        }
    )


def digests(folder: Path) -> dict[str, str]:
    found = {}
    for path in sorted(folder.iterdir()):
        content = path.read_bytes()
        if path.name == "manifest.json":
            manifest = json.loads(content)
            del manifest["created"]
            content = json.dumps(manifest).encode()
        found[path.name] = hashlib.sha256(content).hexdigest()
    return found


def main(folder: Path, shift: int) -> None:
    """Train each kind of table with one family: the families in order, from the one at `shift`."""
    results = {}
    for position, (kind, (table, features)) in enumerate(tables().items()):
        family = list(FAMILIES)[(position + shift) % len(FAMILIES)]
        target = folder / f"{position}"
        run_training(settings(family, features), table, target)
        results[f"{kind}, {family}"] = digests(target)
    print(json.dumps(results))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))

"""The model that all contenders answer with: one training, written in each form that one of them takes."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

CUSTOMERS: Final = 4_000
_TRAINING_ROWS: Final = 5_000


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """A model as files.

    Attributes
    ----------
    folder : Path
        Holds what the properties name.
    """

    folder: Path

    @property
    def bundle(self) -> Path:
        """The product's bundle; ``portable.onnx`` in it is what the services on onnxruntime load."""
        return self.folder / "bundle"

    @property
    def pipeline(self) -> Path:
        """The scikit-learn pipeline from raw columns to probabilities, by joblib."""
        return self.folder / "pipeline.joblib"

    @property
    def customers(self) -> Path:
        """Customers that all differ, as JSON; none of them was trained on."""
        return self.folder / "customers.json"

    def read_customers(self) -> list[dict[str, Any]]:
        """Return the customers as records."""
        customers: list[dict[str, Any]] = json.loads(self.customers.read_text(encoding="utf-8"))
        return customers


def train_in_a_process(folder: Path, family: str) -> TrainedModel:
    """Train and write the files, unless they are there; what training leaves in memory stays apart."""
    model = TrainedModel(folder)
    if not model.customers.exists():
        print(f"Training the model of all contenders ({family}) ...", flush=True)
        command = [sys.executable, "-m", "benchmarks.online.trained_model", str(folder), family]
        subprocess.run(command, check=True)
    return model


def _train(folder: Path, family: str) -> None:
    import joblib
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import FunctionTransformer

    from churn_core.config import load_config, with_model_type
    from churn_core.data import generate_sample_data
    from churn_core.data.loading import table_records
    from churn_core.features import parse_table
    from churn_core.pipelines import run_training

    written = TrainedModel(folder)
    folder.mkdir(parents=True, exist_ok=True)
    table = generate_sample_data(_TRAINING_ROWS, seed=1)
    run = run_training(with_model_type(load_config(), family), table, written.bundle)
    model = run.proved.model
    parse = FunctionTransformer(parse_table, kw_args={"contract": model.contract})
    joblib.dump(Pipeline([("parse", parse), *model.whole_pipeline.steps]), written.pipeline)
    fresh = folder / "customers.parquet"
    generate_sample_data(CUSTOMERS, seed=2).to_parquet(fresh)
    records = table_records(fresh, run.bundle.contract)
    written.customers.write_text(json.dumps(records), encoding="utf-8")


def _main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("family")
    options = parser.parse_args(arguments)
    _train(options.folder, options.family)


if __name__ == "__main__":
    _main()

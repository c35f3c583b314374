"""Train one model and write it in every form that a contender of a benchmark loads."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from benchmarks.measuring import call_in_fresh_process
from infra.local.tools import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path

    from churn_core.models.churn_model import ChurnModel

CUSTOMERS: Final = 4_000
_TRAINING_ROWS: Final = 5_000


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """The files of one model in a folder."""

    folder: Path

    @property
    def bundle(self) -> Path:
        """The product's bundle; the onnxruntime services load ``portable.onnx`` in it."""
        return self.folder / "bundle"

    @property
    def pipeline(self) -> Path:
        """The scikit-learn pipeline from raw columns to probabilities, written by joblib."""
        return self.folder / "pipeline.joblib"

    @property
    def customers(self) -> Path:
        """Different customers as JSON; the model was not trained on them."""
        return self.folder / "customers.json"

    def read_customers(self) -> list[dict[str, Any]]:
        """Return the customers as records."""
        customers: list[dict[str, Any]] = json.loads(self.customers.read_text(encoding="utf-8"))
        return customers


def api_event(customers: list[dict[str, Any]], size: int, number: int) -> dict[str, Any]:
    """Return the API event of request `number`, which holds the next `size` customers."""
    template = json.loads((REPOSITORY / "events" / "predict.json").read_text(encoding="utf-8"))
    chosen = [customers[(number * size + offset) % len(customers)] for offset in range(size)]
    path = "/predict" if size == 1 else "/predict/batch"
    body = json.dumps(chosen[0] if size == 1 else {"customers": chosen})
    return dict(template | {"path": path, "resource": path, "body": body})


def write_model(folder: Path, family: str, rows: int) -> ChurnModel:
    """Train on sample customers (seed 1); write the bundle and the pipeline; return the model."""
    import joblib
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import FunctionTransformer

    from churn_core.config import load_config, with_model_type
    from churn_core.data import generate_sample_data
    from churn_core.features import parse_table
    from churn_core.pipelines import run_training

    files = ModelFiles(folder)
    folder.mkdir(parents=True, exist_ok=True)
    config = with_model_type(load_config(), family)
    model = run_training(config, generate_sample_data(rows, seed=1), files.bundle).proved.model
    parse = FunctionTransformer(parse_table, kw_args={"contract": model.contract})
    joblib.dump(Pipeline([("parse", parse), *model.whole_pipeline.steps]), files.pipeline)
    return model


def write_model_and_customers(folder: Path, family: str) -> ModelFiles:
    """Train and write the files unless they exist; a fresh process trains, so its memory is freed."""
    files = ModelFiles(folder)
    if not files.customers.exists():
        print(f"Training the model of all contenders ({family}) ...", flush=True)
        call_in_fresh_process(_write_all, folder, family)
    return files


def _write_all(folder: Path, family: str) -> None:
    from churn_core.data import generate_sample_data
    from churn_core.data.loading import table_records

    contract = write_model(folder, family, _TRAINING_ROWS).contract
    generate_sample_data(CUSTOMERS, seed=2).to_parquet(folder / "customers.parquet")
    records = table_records(folder / "customers.parquet", contract)
    ModelFiles(folder).customers.write_text(json.dumps(records), encoding="utf-8")

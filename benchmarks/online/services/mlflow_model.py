"""Write the scikit-learn pipeline as a model for ``mlflow models serve``."""

import json
import os
import sys
from pathlib import Path

import joblib
import mlflow
import pandas as pd

customers = pd.DataFrame(json.loads(Path(os.environ["BENCH_CUSTOMERS"]).read_text()))
pipeline = joblib.load(os.environ["BENCH_PIPELINE"])
mlflow.sklearn.save_model(
    pipeline,
    sys.argv[1],
    pyfunc_predict_fn="predict_proba",
    signature=mlflow.models.infer_signature(customers, pipeline.predict_proba(customers)),
    serialization_format="cloudpickle",
)

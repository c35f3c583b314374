"""FastAPI in front of the scikit-learn pipeline."""

import os

import joblib
import pandas as pd
from customer import Customer
from fastapi import FastAPI

app = FastAPI()
pipeline = joblib.load(os.environ["BENCH_PIPELINE"])


@app.post("/predict")
async def predict(customer: Customer) -> dict[str, float]:
    """Score one customer as a table of one row."""
    table = pd.DataFrame([customer.model_dump()])
    return {"churn_probability": float(pipeline.predict_proba(table)[0, 1])}

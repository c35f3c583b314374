"""FastAPI in front of onnxruntime."""

import os
from pathlib import Path

from customer import Customer
from fastapi import FastAPI
from portable_graph import PortableGraph

app = FastAPI()
graph = PortableGraph(Path(os.environ["BENCH_BUNDLE"], "portable.onnx"))


@app.post("/predict")
async def predict(customer: Customer) -> dict[str, float]:
    """Score one customer in the event loop; a thread would take longer than the model."""
    return {"churn_probability": graph.score(customer.model_dump())}

"""BentoML in front of onnxruntime."""

import os
from pathlib import Path

import bentoml
from customer import Customer
from portable_graph import PortableGraph


@bentoml.service(workers=1, logging={"access": {"enabled": False}})
class Churn:
    """Scores one customer a request."""

    def __init__(self) -> None:
        self.graph = PortableGraph(Path(os.environ["BENCH_BUNDLE"], "portable.onnx"))

    @bentoml.api
    async def predict(self, customer: Customer) -> dict[str, float]:
        """Score one customer in the event loop; a thread would take longer than the model."""
        return {"churn_probability": self.graph.score(customer.model_dump())}

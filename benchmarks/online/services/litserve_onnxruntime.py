"""LitServe in front of onnxruntime."""

import os
import sys
from pathlib import Path
from typing import Any

import litserve
from customer import Customer
from portable_graph import PortableGraph


class Churn(litserve.LitAPI):
    """Scores one customer a request."""

    def setup(self, device: str) -> None:
        """Load the graph."""
        self.graph = PortableGraph(Path(os.environ["BENCH_BUNDLE"], "portable.onnx"))

    def decode_request(self, request: Customer) -> dict[str, Any]:
        """Return the validated customer as a dict."""
        return request.model_dump()

    def predict(self, customer: dict[str, Any]) -> float:
        """Return the probability."""
        return self.graph.score(customer)

    def encode_response(self, score: float) -> dict[str, float]:
        """Return the answer's body."""
        return {"churn_probability": score}


if __name__ == "__main__":
    server = litserve.LitServer(Churn(), accelerator="cpu", workers_per_device=1)
    server.run(
        host="127.0.0.1",
        port=int(sys.argv[1]),
        num_api_servers=1,
        generate_client_file=False,
        access_log=False,
        log_level="warning",
    )

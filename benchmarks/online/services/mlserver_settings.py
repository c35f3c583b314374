"""Write MLServer's settings: the folder, then its ports for HTTP, gRPC and metrics, are the arguments."""

import json
import os
import sys
from pathlib import Path

folder = Path(sys.argv[1])
http, grpc, metrics = map(int, sys.argv[2:])
settings = {
    "host": "127.0.0.1",
    "http_port": http,
    "grpc_port": grpc,
    "metrics_port": metrics,
    # The model runs in the server's own process; a worker process would add a hop to each request.
    "parallel_workers": 0,
    "debug": False,
}
model = {
    "name": "churn",
    "implementation": "mlserver_sklearn.SKLearnModel",
    "parameters": {"uri": os.environ["BENCH_PIPELINE"]},
}
(folder / "settings.json").write_text(json.dumps(settings))
(folder / "model-settings.json").write_text(json.dumps(model))

"""The servers that are measured: the product and its peers, and how each is started."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from benchmarks.online.request_shapes import BENTOML, MLFLOW, PLAIN, V2, RequestShape


@dataclass(frozen=True, slots=True)
class Peer:
    """A server.

    Attributes
    ----------
    name : str
        Its name in the tables.
    environment : str or None
        Its lock is ``requirements/bench-<environment>.txt``; None for the product's own environment.
    packages : tuple of str
        Packages whose versions are reported.
    shape : RequestShape
    returns : str
        What it answers with.
    command : str
        Starts it in the folder ``services``. The placeholders are ``{python}``, ``{bin}`` (the programs of
        the environment), ``{folder}`` (its own files), ``{bundle}``, ``{port}`` and two ports more.
    prepare : str
        Command to run first; empty if there is none.
    """

    name: str
    environment: str | None
    packages: tuple[str, ...]
    shape: RequestShape
    returns: str
    command: str
    prepare: str = ""


_UVICORN: Final = "--port {port} --workers 1 --no-access-log --log-level warning"
OURS: Final = Peer(
    "churn serve",
    None,
    ("uvicorn", "onnxruntime"),
    PLAIN,
    "score, decision, risk, three reasons, warnings, model version",
    "{python} -m churn_core.cli serve --model {bundle} --port {port}",
)
PEERS: Final = (
    OURS,
    Peer(
        "FastAPI + onnxruntime",
        "fastapi-onnxruntime",
        ("fastapi", "uvicorn", "onnxruntime"),
        PLAIN,
        "score",
        f"{{bin}}/uvicorn fastapi_onnxruntime:app {_UVICORN}",
    ),
    Peer(
        "FastAPI + scikit-learn",
        "fastapi-sklearn",
        ("fastapi", "uvicorn", "scikit-learn"),
        PLAIN,
        "score",
        f"{{bin}}/uvicorn fastapi_sklearn:app {_UVICORN}",
    ),
    Peer(
        "MLflow models serve",
        "mlflow",
        ("mlflow", "scikit-learn"),
        MLFLOW,
        "both classes' probabilities",
        "{bin}/mlflow models serve --model-uri {folder}/model --env-manager local --workers 1"
        " --host 127.0.0.1 --port {port}",
        prepare="{python} mlflow_model.py {folder}/model",
    ),
    Peer(
        "MLServer, scikit-learn runtime",
        "mlserver",
        ("mlserver", "scikit-learn"),
        V2,
        "both classes' probabilities",
        "{bin}/mlserver start {folder}",
        prepare="{python} mlserver_settings.py {folder} {port} {second_port} {third_port}",
    ),
    Peer(
        "BentoML + onnxruntime",
        "bentoml",
        ("bentoml", "onnxruntime"),
        BENTOML,
        "score",
        "{bin}/bentoml serve bentoml_onnxruntime:Churn --host 127.0.0.1 --port {port}",
    ),
    Peer(
        "LitServe + onnxruntime",
        "litserve",
        ("litserve", "onnxruntime"),
        PLAIN,
        "score",
        "{python} litserve_onnxruntime.py {port}",
    ),
)

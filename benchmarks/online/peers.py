"""Who is measured: the product and its peers, how each is started and what it answers with."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.online.request_shapes import BENTOML, MLFLOW, PLAIN, V2, RequestShape

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SERVICES: Final = Path(__file__).with_name("services")


@dataclass(frozen=True, slots=True)
class Place:
    """Where one server of a run lives.

    Attributes
    ----------
    python : Path
        Interpreter of its environment.
    folder : Path
        Its own, for files that it needs.
    ports : tuple of int
        Free ones; it answers at the first.
    variables : mapping
        Its environment variables.
    """

    python: Path
    folder: Path
    ports: tuple[int, ...]
    variables: Mapping[str, str]

    def program(self, name: str) -> str:
        """Return the path of a program of the environment."""
        return str(self.python.with_name(name))


@dataclass(frozen=True, slots=True)
class Peer:
    """One contender.

    Attributes
    ----------
    name : str
        As the tables have it.
    environment : str or None
        Its lock is ``requirements/bench-<environment>.txt``; None for this environment, the product's.
    packages : tuple of str
        Whose versions are told.
    shape : RequestShape
    command : callable
        What starts it.
    returns : str
        What it answers with.
    prepare : callable or None
        Writes what it needs into its folder and returns a command to be run first, if there is one.
    """

    name: str
    environment: str | None
    packages: tuple[str, ...]
    shape: RequestShape
    command: Callable[[Place], list[str]]
    returns: str
    prepare: Callable[[Place], list[str]] | None = None


def _churn_serve(place: Place) -> list[str]:
    model = place.variables["BENCH_BUNDLE"]
    return [
        *(str(place.python), "-m", "churn_core.cli", "serve"),
        *("--model", model, "--port", str(place.ports[0])),
    ]


def _uvicorn(application: str) -> Callable[[Place], list[str]]:
    def command(place: Place) -> list[str]:
        return [
            *(place.program("uvicorn"), application, "--port", str(place.ports[0])),
            *("--workers", "1", "--no-access-log", "--log-level", "warning"),
        ]

    return command


def _mlflow(place: Place) -> list[str]:
    return [
        *(place.program("mlflow"), "models", "serve", "--model-uri", str(place.folder / "model")),
        *("--env-manager", "local", "--workers", "1"),
        *("--host", "127.0.0.1", "--port", str(place.ports[0])),
    ]


def _mlflow_model(place: Place) -> list[str]:
    return [str(place.python), str(SERVICES / "mlflow_model.py"), str(place.folder / "model")]


def _mlserver(place: Place) -> list[str]:
    return [place.program("mlserver"), "start", str(place.folder)]


def _mlserver_settings(place: Place) -> list[str]:
    http, grpc, metrics = place.ports
    settings = {
        "host": "127.0.0.1",
        "http_port": http,
        "grpc_port": grpc,
        "metrics_port": metrics,
        # The model in the server's own process, which saves the way to a worker's and back.
        "parallel_workers": 0,
        "debug": False,
    }
    model = {
        "name": "churn",
        "implementation": "mlserver_sklearn.SKLearnModel",
        "parameters": {"uri": place.variables["BENCH_PIPELINE"]},
    }
    (place.folder / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
    (place.folder / "model-settings.json").write_text(json.dumps(model), encoding="utf-8")
    return []


def _bentoml(place: Place) -> list[str]:
    return [
        *(place.program("bentoml"), "serve", "bentoml_onnxruntime:Churn"),
        *("--host", "127.0.0.1", "--port", str(place.ports[0])),
    ]


def _litserve(place: Place) -> list[str]:
    return [str(place.python), "litserve_onnxruntime.py", str(place.ports[0])]


OURS: Final = Peer(
    "churn serve",
    None,
    ("uvicorn", "onnxruntime"),
    PLAIN,
    _churn_serve,
    "score, decision, risk, three reasons, warnings, model version",
)
PEERS: Final = (
    OURS,
    Peer(
        "FastAPI + onnxruntime",
        "fastapi-onnxruntime",
        ("fastapi", "uvicorn", "onnxruntime"),
        PLAIN,
        _uvicorn("fastapi_onnxruntime:app"),
        "score",
    ),
    Peer(
        "FastAPI + scikit-learn",
        "fastapi-sklearn",
        ("fastapi", "uvicorn", "scikit-learn"),
        PLAIN,
        _uvicorn("fastapi_sklearn:app"),
        "score",
    ),
    Peer(
        "MLflow models serve",
        "mlflow",
        ("mlflow", "scikit-learn"),
        MLFLOW,
        _mlflow,
        "both classes' probabilities",
        _mlflow_model,
    ),
    Peer(
        "MLServer, scikit-learn runtime",
        "mlserver",
        ("mlserver", "scikit-learn"),
        V2,
        _mlserver,
        "both classes' probabilities",
        _mlserver_settings,
    ),
    Peer("BentoML + onnxruntime", "bentoml", ("bentoml", "onnxruntime"), BENTOML, _bentoml, "score"),
    Peer("LitServe + onnxruntime", "litserve", ("litserve", "onnxruntime"), PLAIN, _litserve, "score"),
)


def own_python() -> Path:
    """Return the interpreter of the product's environment."""
    return Path(sys.executable)

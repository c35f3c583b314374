"""Faults of the service or of the model: answered, counted, logged (rows A41 to A45)."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from churn_core.scoring.bundle import load_bundle
from churn_core.scoring.predictor import ChurnPredictor
from functions.score import routes
from functions.score.limits import DEADLINE_RESERVE_MILLISECONDS
from tests.functional.score_api.score_client import Context, get, post

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CANARY = "SSN-111-22-3333"


def remove(bundle: Path) -> None:
    (bundle / "model.onnx").unlink()


def remove_all(bundle: Path) -> None:
    shutil.rmtree(bundle)


def alter(bundle: Path) -> None:
    graph = bytearray((bundle / "model.onnx").read_bytes())
    graph[-1] ^= 1
    (bundle / "model.onnx").write_bytes(graph)


def fill_with_garbage(bundle: Path) -> None:
    (bundle / "model.onnx").write_bytes(b"garbage" * 1000)


def empty(bundle: Path) -> None:
    (bundle / "model.onnx").write_bytes(b"")


def break_manifest(bundle: Path) -> None:
    (bundle / "manifest.json").write_text("{", encoding="utf-8")


@pytest.mark.parametrize("damage", [remove, remove_all, alter, fill_with_garbage, empty, break_manifest])
def test_a41_without_a_usable_model_every_request_is_answered_503(
    damage: Callable[[Path], None],
    use_model: Callable[[Path], None],
    sample_bundle: Path,
    tmp_path: Path,
    customer: dict[str, Any],
) -> None:
    bundle = tmp_path / "model"
    shutil.copytree(sample_bundle, bundle)
    damage(bundle)
    use_model(bundle)

    for answer in (post("/predict", customer), post("/predict/batch", {"customers": [customer]})):
        assert (answer.status, answer.problem) == (503, "model-unavailable")
        assert int(answer.headers["retry-after"]) > 0
        assert str(tmp_path) not in answer.body
    assert get("/health").problem == "model-unavailable"
    assert get("/model/info").problem == "model-unavailable"
    assert get("/v2/health/ready").status == 503
    assert get("/v2/health/live").status == 200
    metrics = post("/predict", customer).log_lines[-1]
    assert metrics["Unavailable"] == [1.0]

    shutil.rmtree(bundle, ignore_errors=True)
    shutil.copytree(sample_bundle, bundle)
    assert post("/predict", customer).status == 200
    assert get("/health").status == 200


def test_a_usable_model_is_loaded_once(
    customer: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    use_model: Callable[[Path], None],
    sample_bundle: Path,
) -> None:
    loads: list[Path] = []

    def load(folder: Path) -> Any:
        loads.append(folder)
        return load_bundle(folder)

    monkeypatch.setattr("functions.score.routes.load_bundle", load)
    use_model(sample_bundle)
    for _ in range(3):
        assert post("/predict", customer).status == 200
    assert loads == [sample_bundle]


class Raising:
    """A session that fails with a message like those of onnxruntime."""

    def run(self, *_: object) -> list[Any]:
        raise RuntimeError(f"Unexpected input data type for {CANARY}")


class Answering:
    """A session that always returns the same probability."""

    def __init__(self, predictor: ChurnPredictor, probability: float) -> None:
        self._session = predictor._session
        self._probability = probability

    def run(self, names: list[str], feeds: dict[str, Any]) -> list[Any]:
        answers = dict(zip(names, self._session.run(names, feeds), strict=True))
        answers["probability"] = np.full_like(answers["probability"], self._probability)
        return [answers[name] for name in names]


@pytest.fixture
def broken_session(predictor: ChurnPredictor, monkeypatch: pytest.MonkeyPatch) -> Callable[[object], None]:
    """Give the function a predictor with another session."""

    def use(session: object) -> None:
        monkeypatch.setattr(predictor, "_session", session)
        monkeypatch.setattr(routes, "loaded_predictor", lambda: predictor)

    return use


def test_a42_an_error_of_onnxruntime_is_internal_and_its_message_is_not_shown(
    broken_session: Callable[[object], None], customer: dict[str, Any]
) -> None:
    broken_session(Raising())
    answer = post("/predict", customer)

    assert (answer.status, answer.problem) == (500, "internal")
    assert CANARY not in answer.body + answer.log
    logged, measured = answer.log_lines
    assert (logged["level"], logged["error"]) == ("ERROR", "RuntimeError")
    assert logged["correlation_id"] == answer.content["instance"]
    assert measured["InternalErrors"] == [1.0]


@pytest.mark.parametrize("probability", [float("nan"), float("inf"), float("-inf")])
def test_a43_a_score_that_is_not_finite_is_never_answered(
    broken_session: Callable[[object], None],
    predictor: ChurnPredictor,
    customer: dict[str, Any],
    probability: float,
) -> None:
    broken_session(Answering(predictor, probability))
    for answer in (
        post("/predict", customer),
        post("/predict/batch", {"customers": [customer] * 3}),
    ):
        assert (answer.status, answer.problem) == (500, "internal")


@pytest.mark.parametrize(
    ("remaining", "status"),
    [(DEADLINE_RESERVE_MILLISECONDS - 1, 503), (DEADLINE_RESERVE_MILLISECONDS, 200)],
)
def test_a44_with_too_little_time_left_the_model_does_not_run(
    customer: dict[str, Any], remaining: int, status: int
) -> None:
    answer = post("/predict", customer, context=Context(remaining))
    assert answer.status == status
    if status == 503:
        assert answer.problem == "timeout"
        assert int(answer.headers["retry-after"]) > 0


@pytest.mark.parametrize(
    "error",
    [ValueError(CANARY), KeyError(CANARY), MemoryError(CANARY), RecursionError(CANARY), AssertionError()],
)
def test_a45_an_unexpected_error_is_answered_and_logged_without_its_message(
    monkeypatch: pytest.MonkeyPatch, customer: dict[str, Any], error: Exception
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(routes, "read_json", fail)
    answer = post("/predict", customer)

    assert (answer.status, answer.problem) == (500, "internal")
    assert CANARY not in answer.body + answer.log
    assert answer.log_lines[0]["error"] == type(error).__name__


def test_a45_an_error_outside_the_routes_is_answered_too(
    monkeypatch: pytest.MonkeyPatch, customer: dict[str, Any]
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ValueError(CANARY)

    monkeypatch.setattr("functions.score.app.app.resolve", fail)
    answer = post("/predict", customer)
    assert (answer.status, answer.problem) == (500, "internal")
    assert CANARY not in answer.body + answer.log

"""The benchmark of the online API sends valid requests, and the product rejects its wrong customers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.measuring import Figure
from benchmarks.online.peers import OURS, PEERS
from benchmarks.online.running_server import RunningServer
from benchmarks.online.strictness import CASES, accepted_cases
from benchmarks.trained_model import ModelFiles
from churn_core.scoring.predictor import ChurnPredictor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from benchmarks.online.peers import Peer


@pytest.fixture(scope="module")
def model(sample_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> ModelFiles:
    """The sample bundle as the benchmark's model."""
    folder = tmp_path_factory.mktemp("online")
    (folder / "bundle").symlink_to(sample_bundle)
    return ModelFiles(folder)


@pytest.fixture(scope="module")
def server(model: ModelFiles, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """`churn serve` as the benchmark starts it."""
    with RunningServer(OURS, model, tmp_path_factory.mktemp("servers")) as running:
        yield running


@pytest.fixture
def customer(model: ModelFiles) -> dict[str, Any]:
    """A customer that the model can score."""
    predictor = ChurnPredictor.load(model.bundle)
    return dict(predictor.bundle.manifest["golden_rows"][0]["record"])


def test_score_over_http_equals_the_score_of_the_library(
    server: RunningServer, model: ModelFiles, customer: dict[str, Any]
) -> None:
    assert server.score(customer) == ChurnPredictor.load(model.bundle).predict(customer)["churn_probability"]


def test_product_rejects_each_wrong_customer_with_a_4xx(
    server: RunningServer, customer: dict[str, Any]
) -> None:
    assert accepted_cases(server, customer) == ([], [])


@pytest.mark.parametrize("change", CASES.values(), ids=CASES)
def test_wrong_customer_differs_from_the_valid_one(
    change: Callable[[list[tuple[str, Any]]], list[tuple[str, Any]]], customer: dict[str, Any]
) -> None:
    # Compared as text, because NaN is not equal to itself.
    assert repr(change(list(customer.items()))) != repr(list(customer.items()))


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.name)
def test_request_carries_every_column(peer: Peer, customer: dict[str, Any]) -> None:
    body = peer.shape.write(list(customer.items()))

    json.loads(body)
    assert all(json.dumps(name) in body and json.dumps(value) in body for name, value in customer.items())


def test_figure_is_the_median_round_with_its_range() -> None:
    assert Figure.from_values([3.0, 1.0, 2.0]).text(1) == "2.0 (1.0 to 3.0)"

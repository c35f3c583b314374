"""How the function is set up by its environment variables."""

from __future__ import annotations

import io
import json
import logging
from typing import TYPE_CHECKING, Any

import pytest

from churn_core.errors import BundleError
from functions.batch import app
from tests.functional.batch.batch_stack import Context, message

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def clients(sample_bundle: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The AWS services that the function makes clients of; the environment is complete."""
    made: list[str] = []
    monkeypatch.setenv("CHURN_MODEL_DIR", str(sample_bundle))
    monkeypatch.setenv("CHURN_INPUT_BUCKET", "inputs")
    monkeypatch.setenv("CHURN_OUTPUT_BUCKET", "outputs")
    monkeypatch.setattr(app, "hide_environment", lambda: made.append("environment hidden"))
    monkeypatch.setattr(app, "s3_client", lambda: made.append("s3"))
    monkeypatch.setattr(app, "events_client", lambda: made.append("events"))
    app.load_deliveries.cache_clear()
    yield made
    app.load_deliveries.cache_clear()


@pytest.mark.parametrize(
    ("announce", "expected"), [(None, ["s3", "events"]), ("true", ["s3", "events"]), ("false", ["s3"])]
)
def test_events_are_sent_unless_the_environment_forbids_it(
    announce: str | None, expected: list[str], clients: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CHURN_ANNOUNCE", raising=False)
    if announce is not None:
        monkeypatch.setenv("CHURN_ANNOUNCE", announce)
    app.load_deliveries()
    assert clients == ["environment hidden", *expected]


def test_an_environment_is_set_up_once(clients: list[str]) -> None:
    assert app.load_deliveries() is app.load_deliveries()
    assert clients.count("s3") == 1


def test_without_a_model_each_message_is_tried_again_and_logged_under_its_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail() -> Any:
        raise BundleError("model.onnx is missing.")

    written = io.StringIO()
    handler = app.logger.registered_handler
    assert isinstance(handler, logging.StreamHandler)
    monkeypatch.setattr(handler, "stream", written)
    monkeypatch.setattr(app, "load_deliveries", fail)
    records = [message("{}", message_id="one"), message("{}", message_id="two")]
    context: Any = Context()
    answer = app.lambda_handler({"Records": records}, context)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "one"}, {"itemIdentifier": "two"}]}
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    assert [line["message_id"] for line in lines] == ["one", "two"]
    for line in lines:
        assert (line["message"], line["detail"]) == ("model-unavailable", "model.onnx is missing.")
        assert line["function_request_id"] == context.aws_request_id

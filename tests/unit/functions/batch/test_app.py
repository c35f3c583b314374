"""How the function is set up by its environment variables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from functions.batch import app

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

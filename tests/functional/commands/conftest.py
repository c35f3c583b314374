"""Commands train in the test's own process."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(autouse=True)
def one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep joblib from starting workers: each one imports scikit-learn again, which takes 3 s."""
    monkeypatch.setattr(os, "cpu_count", lambda: 1)

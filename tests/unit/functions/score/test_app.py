"""How the score function is set up by its environment variables."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

# The function reads its environment when it is imported, so each test needs a process of its own.
PREFLIGHT = """
import json, sys
from tests.functional.score_api.score_client import event, invoke
answer = invoke(event(method="OPTIONS", headers={"Origin": sys.argv[1]}))
print(json.dumps([answer.status, answer.headers]))
"""


def preflight(origin: str, folder: Path, **variables: str) -> tuple[int, dict[str, str]]:
    """Ask a function without a model whether a page may call it; return status and headers."""
    done = subprocess.run(
        [sys.executable, "-c", PREFLIGHT, origin],
        env=os.environ | {"CHURN_MODEL_DIR": str(folder)} | variables,
        capture_output=True,
        text=True,
        check=True,
    )
    status, headers = json.loads(done.stdout.splitlines()[-1])
    return status, headers


@pytest.mark.parametrize("origin", ["https://crm.example.com", "http://localhost:3000"])
def test_a_listed_origin_may_call_the_api_and_remember_that_for_ten_minutes(
    origin: str, tmp_path: Path
) -> None:
    origins = "https://crm.example.com, http://localhost:3000"
    status, headers = preflight(origin, tmp_path, CHURN_CORS_ORIGINS=origins)
    assert status == 204
    assert headers["access-control-allow-origin"] == origin
    assert headers["access-control-max-age"] == "600"


def test_no_other_origin_may_call_the_api(tmp_path: Path) -> None:
    _, headers = preflight("https://evil.example", tmp_path, CHURN_CORS_ORIGINS="https://crm.example.com")
    assert "access-control-allow-origin" not in headers


def test_without_origins_a_preflight_is_an_unknown_method(tmp_path: Path) -> None:
    status, headers = preflight("https://crm.example.com", tmp_path)
    assert status == 405
    assert "access-control-allow-origin" not in headers

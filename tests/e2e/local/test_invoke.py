"""`make invoke` calls a built function with one event."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from churn_core.scoring.predictor import ChurnPredictor
from infra.local.tools import REPOSITORY, LambdaTools

if TYPE_CHECKING:
    from pathlib import Path


def invoke(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "infra.local.invoke", *map(str, words)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_built_function_answers_an_event(lambda_tools: LambdaTools, sample_bundle: Path) -> None:
    event = "events/predict-all-reasons.json"
    customer = json.loads(json.loads((REPOSITORY / event).read_text(encoding="utf-8"))["body"])

    first = invoke(event, "--model", sample_bundle)
    again = invoke(event, "--model", sample_bundle)

    assert first.returncode == 0, first.stderr
    answer = json.loads(first.stdout)
    assert answer["statusCode"] == 200
    assert answer["body"] == ChurnPredictor.load(sample_bundle).predict(customer, all_reasons=True)
    assert again.stdout == first.stdout
    assert "ScoreFunction: started in" in first.stderr


@pytest.mark.parametrize(
    ("words", "advice"),
    [
        (("events/none.json",), "events/"),
        (("events/predict.json", "--model", "no-such-model"), "make demo"),
        (("events/README.md",), "events/"),
    ],
)
def test_wrong_usage_is_reported_with_advice(
    sample_bundle: Path, words: tuple[str, ...], advice: str
) -> None:
    result = invoke("--model", sample_bundle, *words)
    assert result.returncode == 2
    assert advice in result.stderr
    assert "Traceback" not in result.stderr

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


@pytest.mark.parametrize("event", ["null", "[{}]", "1.5", '"text"'])
def test_a46_an_event_that_is_no_object_is_answered(
    lambda_tools: LambdaTools, sample_bundle: Path, tmp_path: Path, event: str
) -> None:
    (tmp_path / "event.json").write_text(event)
    result = invoke(tmp_path / "event.json", "--model", sample_bundle)
    assert result.returncode == 0, result.stderr
    answer = json.loads(result.stdout)
    assert (answer["statusCode"], answer["body"]["type"]) == (400, "urn:churn:problem:bad-event")


def test_an_event_that_is_nested_too_deeply_is_reported(sample_bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "event.json").write_text("[" * 100_000)
    result = invoke(tmp_path / "event.json", "--model", sample_bundle)
    assert (result.returncode, "Traceback" in result.stderr) == (2, False)


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

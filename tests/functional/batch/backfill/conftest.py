"""Runs over prefixes, in this process."""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl

from churn_core.scoring.predictor import ChurnPredictor
from functions.backfill.runs import load_runs
from functions.batch import app as batch_app
from functions.batch import scoring_child
from functions.batch.scoring_child import run_task
from functions.batch.scoring_process import parse_result
from functions.batch.scoring_task import INPUT_FILE, OUTPUT_FILE, ScoredFile, ScoringTask
from infra.local.aws.moto_server import interpreted_state_machines
from tests.functional.batch.backfill.run_stack import BACKFILL, BATCH, ROLE, RunStack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tests.functional.batch.batch_stack import BatchStack

DEFINITION = Path(__file__).resolve().parents[4] / "infra" / "state_machine" / "backfill.asl.json"


def definition() -> str:
    """Return the state machine with its placeholders filled in."""
    text = DEFINITION.read_text(encoding="utf-8")
    names = {
        "Partition": "aws",
        "BatchFunctionArn": f"arn:aws:lambda:eu-west-1:123456789012:function:{BATCH}",
        "BackfillFunctionArn": f"arn:aws:lambda:eu-west-1:123456789012:function:{BACKFILL}",
    }
    for name, value in names.items():
        text = text.replace(f"${{{name}}}", value)
    return text


class RememberingScorer:
    """Scores in this process, and each content once: the same input, model and origin give the same bytes."""

    def __init__(self, model_dir: Path, max_rows: int, memory_mb: int) -> None:
        self._task = ScoringTask(str(model_dir), {}, max_rows, memory_mb, cpu_seconds=0)
        self._known: dict[tuple[bytes, str], tuple[Any, bytes]] = {}

    def score(self, folder: Path, metadata: Mapping[str, str], seconds: float) -> ScoredFile:
        key = (folder / INPUT_FILE).read_bytes(), str(metadata)
        output = folder / OUTPUT_FILE
        if key not in self._known:
            result = run_task(folder, replace(self._task, metadata=dict(metadata)))
            self._known[key] = result, output.read_bytes() if output.exists() else b""
        result, content = self._known[key]
        output.write_bytes(content)
        return parse_result(result)


@pytest.fixture
def runs(
    stack: BatchStack, in_process: Callable[[], None], endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[RunStack]:
    """The state machine, ready to start runs."""
    in_process()
    monkeypatch.setattr(batch_app, "ScoringProcess", RememberingScorer)
    # Loading the model takes longer than scoring a small part.
    monkeypatch.setattr(scoring_child, "load_bundle", lambda folder: folder)
    monkeypatch.setattr(scoring_child, "ChurnPredictor", functools.cache(ChurnPredictor.load))
    # Only the retrier's name `time` is replaced: its module is the one that everything else sleeps with.
    monkeypatch.setattr(retrier_decl, "time", SimpleNamespace(sleep=lambda _: None))
    load_runs.cache_clear()
    iam, functions, machines = (boto3.client(name) for name in ("iam", "lambda", "stepfunctions"))
    role = iam.create_role(RoleName="functions", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    for name in (BATCH, BACKFILL):
        functions.create_function(
            FunctionName=name, Role=role, Runtime="python3.13", Handler="x", Code={"ZipFile": b"x"}
        )
    with interpreted_state_machines(endpoint, lambda name, event: running.answer(name, event)):
        machine = machines.create_state_machine(name=BACKFILL, definition=definition(), roleArn=ROLE)
        running = RunStack(stack, machine["stateMachineArn"])
        yield running
    load_runs.cache_clear()

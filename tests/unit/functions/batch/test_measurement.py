"""Each object's log line, and its metrics as CloudWatch reads them."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

import pytest
from aws_lambda_powertools import Metrics

from functions.batch.delivery import Handled
from functions.batch.measurement import SERVICE, add_metrics, log_fields
from functions.batch.object_job import ObjectResult
from functions.batch.scoring_task import ScoredFile
from functions.shared.environment import NAMESPACE
from functions.shared.objects import InputObject
from functions.shared.outcomes import Action, Outcome

SOURCE = InputObject("b", "incoming/a.parquet", "v", "e", 7)
DRIFT = {
    "verdict": "major",
    "moved": ["tenure"],
    "columns": {"tenure": {"psi": 0.5}, "Contract": {"psi": None}},
    "scores": {"psi": 0.125},
}
FILE = ScoredFile(
    rows=10,
    scored=7,
    rejected=3,
    will_churn=2,
    rejects={"missing": 2, "out_of_range": 1},
    warnings={"unknown": 1, "unexpected": 3},
    drift=DRIFT,
    peak_kilobytes=64_000,
)


def scored(file: ScoredFile = FILE, outcome: Outcome = Outcome.SCORED) -> ObjectResult:
    seconds = {"Download": 0.25, "Score": 1.5, "Upload": 0.25}
    return ObjectResult(
        outcome,
        SOURCE,
        file=file,
        input_bytes=700,
        output_bytes=90,
        seconds=seconds,  # type: ignore[arg-type]
    )


def written(result: ObjectResult, action: Action, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """Write the metrics of a result; return values by name, and by name and dimension where there is one."""
    metrics = Metrics(namespace=NAMESPACE, service=SERVICE)
    metrics.clear_metrics()
    add_metrics(metrics, Handled(result, action))
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    if metrics.provider.metric_set:
        lines.append(metrics.serialize_metric_set())
    metrics.clear_metrics()
    found: dict[str, Any] = defaultdict(list)
    for line in lines:
        for described in line["_aws"]["CloudWatchMetrics"]:
            extra = [name for names in described["Dimensions"] for name in names if name != "service"]
            for metric in described["Metrics"]:
                key = " ".join([metric["Name"], *(line[name] for name in extra)])
                found[key] += line[metric["Name"]]
    return dict(found)


def test_the_metrics_of_a_scored_file_are_its_counts_bytes_and_times(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert written(scored(), Action.SCORED, capsys) == {
        "DownloadTime": [250],
        "ScoreTime": [1_500],
        "UploadTime": [250],
        "InputBytes": [700],
        "OutputBytes": [90],
        "ScoredFiles": [1],
        "ScoredRows": [7],
        "RejectedRows": [3],
        "PredictedChurners": [2],
        "ValueWarnings": [4],
        "RowsPerSecond": [5],
        "ReaderPeakMemory": [64_000],
        "RejectedRowsByCode missing": [2],
        "RejectedRowsByCode out_of_range": [1],
        "DriftedFiles": [1],
        "DriftedColumns": [1],
        "LargestColumnDrift": [0.5],
        "ScoreDrift": [0.125],
    }


def test_a_stable_file_is_no_drifted_file(capsys: pytest.CaptureFixture[str]) -> None:
    drift = {"verdict": "stable", "moved": [], "columns": {"tenure": {"psi": None}}, "scores": {"psi": None}}
    file = ScoredFile(1, 1, 0, 0, {}, {}, drift)
    found = written(scored(file), Action.SCORED, capsys)
    drifts = ("DriftedFiles", "DriftedColumns", "LargestColumnDrift", "ScoreDrift")
    assert [found[name] for name in drifts] == [[0]] * 4
    assert not any(name.startswith("RejectedRowsByCode") for name in found)


def test_a_file_without_drift_has_no_metrics_of_drift(capsys: pytest.CaptureFixture[str]) -> None:
    found = written(scored(ScoredFile(1, 1, 0, 0, {}, {}, None)), Action.SCORED, capsys)
    assert found["ScoredFiles"] == [1]
    assert not any("Drift" in name for name in found)


@pytest.mark.parametrize(
    ("outcome", "action", "expected"),
    [
        (Outcome.SCHEMA, Action.QUARANTINED, {"Quarantined": [1], "QuarantinedByCode schema": [1]}),
        (Outcome.DEADLINE, Action.RETRIED, {"Retried": [1], "RetriedByReason deadline": [1]}),
        (Outcome.SUPERSEDED, Action.NO_OP, {"Skipped superseded": [1]}),
        (Outcome.FOREIGN, Action.NO_OP, {"Skipped foreign": [1], "ForeignObjects": [1]}),
        (
            Outcome.DIVERGENT_OUTPUT,
            Action.NO_OP,
            {"Skipped divergent-output": [1], "DivergentOutput": [1]},
        ),
    ],
)
def test_an_object_that_was_not_scored_is_counted_by_its_action_and_its_reason(
    outcome: Outcome, action: Action, expected: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert written(ObjectResult(outcome, SOURCE), action, capsys) == expected


def test_rows_count_only_if_this_attempt_wrote_them(capsys: pytest.CaptureFixture[str]) -> None:
    found = written(scored(outcome=Outcome.DIVERGENT_OUTPUT), Action.NO_OP, capsys)
    assert not {"ScoredRows", "InputBytes", "ScoredFiles"} & set(found)


def test_an_event_that_was_not_sent_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    result = scored()
    result.announcement_fault = "EventBridge refused the event."
    assert written(result, Action.SCORED, capsys)["AnnouncementFailed"] == [1]


def test_a_log_line_has_the_counts_of_a_scored_file() -> None:
    fields = log_fields(Handled(scored(), Action.SCORED))
    assert fields == {
        "action": "scored",
        "stage": "find",
        "detail": None,
        "input_id": SOURCE.input_id,
        "output_key": None,
        "input_bytes": 700,
        "output_bytes": 90,
        "announcement_fault": None,
        "seconds": {"Download": 0.25, "Score": 1.5, "Upload": 0.25},
        "rows": 10,
        "scored": 7,
        "rejected": 3,
        "reader_peak_kilobytes": 64_000,
        "drift": "major",
        "moved": ["tenure"],
    }


def test_the_log_line_of_a_fault_has_its_stage_and_its_message_but_no_counts() -> None:
    result = ObjectResult(Outcome.BAD_MESSAGE, None, message="Send a valid event.", stage="message")
    assert log_fields(Handled(result, Action.QUARANTINED)) == {
        "action": "quarantined",
        "stage": "message",
        "detail": "Send a valid event.",
        "input_id": None,
        "output_key": None,
        "input_bytes": 0,
        "output_bytes": 0,
        "announcement_fault": None,
        "seconds": {},
    }

"""The local stack prints a line for each file from the batch function's log."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from functions.batch.delivery import Handled
from functions.batch.measurement import log_fields
from functions.batch.object_job import ObjectResult
from functions.batch.scoring_task import ScoredFile
from functions.shared.objects import InputObject
from functions.shared.outcomes import Action, Outcome
from infra.local.outcome_lines import OutcomeLines, print_failure

if TYPE_CHECKING:
    import pytest

SOURCE = InputObject("bucket", "incoming/0001-ABC.parquet", "v1", "etag", 10)
LINES = OutcomeLines("http://127.0.0.1:1/out")


def logged(result: ObjectResult, action: Action) -> str:
    """Return the line that the function logs for a file."""
    return json.dumps({"level": "INFO", "message": result.outcome, **log_fields(Handled(result, action))})


def test_the_line_of_a_scored_file_has_its_counts_and_the_address_of_its_scores(
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = ScoredFile(1_200, 1_199, 1, 300, {"missing": 1}, {}, None)
    result = ObjectResult(Outcome.SCORED, SOURCE, output_key="scored/model=1/x.parquet", file=file)
    others = ["START RequestId: 1", '{"message": "a metric"}', "12", "null", '"text"', "REPORT"]
    LINES.print_outcomes("\n".join([*others, logged(result, Action.SCORED), *others]))
    assert (
        capsys.readouterr().out
        == "scored  1,200 rows, 1 rejected  http://127.0.0.1:1/out/scored/model=1/x.parquet\n"
    )


def test_the_line_of_a_quarantined_file_has_the_reason_and_the_address_of_its_record(
    capsys: pytest.CaptureFixture[str],
) -> None:
    result = ObjectResult(
        Outcome.NOT_PARQUET, SOURCE, "The file is no Parquet file.", output_key="quarantine/x.json"
    )
    LINES.print_outcomes(logged(result, Action.QUARANTINED))
    assert (
        capsys.readouterr().out
        == "not-parquet  The file is no Parquet file.  http://127.0.0.1:1/out/quarantine/x.json\n"
    )


def test_the_line_of_a_file_to_retry_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    result = ObjectResult(Outcome.STORAGE_UNAVAILABLE, SOURCE, "S3 does not answer.")
    LINES.print_outcomes(logged(result, Action.RETRIED))
    assert capsys.readouterr().out == "storage-unavailable  S3 does not answer.  Will be tried again soon.\n"


def test_the_line_of_a_failure_holds_no_text_of_the_function(capsys: pytest.CaptureFixture[str]) -> None:
    print_failure(RuntimeError("29.85"))
    assert capsys.readouterr().out == "failed  RuntimeError; the queue delivers the file again.\n"

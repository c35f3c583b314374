"""The bundles for arm64 run on an emulated arm64 processor and give the same scores."""

from __future__ import annotations

import json
import subprocess
import time
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from churn_core.scoring.bundle import load_bundle
from infra.local.tools import REPOSITORY, LambdaTools
from tests.e2e.bundles.arm64_tree import NoArm64Error, arm64_python
from tests.proof_figures import cases, record_figure

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = [
    pytest.mark.skipif(
        not cases(0, "CHURN_ARM64"), reason="downloads an arm64 Debian; make proof sets CHURN_ARM64"
    ),
    pytest.mark.timeout(900),
]

SAME: Final = 1e-6
"""Largest allowed difference of scores between processors."""

ONLINE: Final = """
import json, platform, sys
sys.path.insert(0, sys.argv[1])
import os
os.environ["LAMBDA_TASK_ROOT"] = sys.argv[1]
from functions.score.app import lambda_handler

class Context:
    function_name = "score"
    memory_limit_in_mb = 1024
    invoked_function_arn = "arn:aws:lambda:eu-west-1:123456789012:function:score"
    aws_request_id = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"
    get_remaining_time_in_millis = staticmethod(lambda: 60_000)

answer = lambda_handler(json.load(sys.stdin), Context())
print(json.dumps({"machine": platform.machine(), "answer": answer}))
"""

BATCH: Final = """
import json, platform, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from churn_core.scoring.files.score_file import score_file
from churn_core.scoring.predictor import ChurnPredictor
result = score_file(Path(sys.argv[2]), Path(sys.argv[3]), ChurnPredictor.load(Path(sys.argv[1], "model")))
print(json.dumps({"machine": platform.machine()}))
"""


@pytest.fixture(scope="module")
def python() -> list[str]:
    try:
        return arm64_python(REPOSITORY / "build" / "arm64-trixie")
    except NoArm64Error as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def golden(sample_bundle: Path) -> list[dict[str, Any]]:
    """Rows with the scores that this machine's processor computed."""
    rows: list[dict[str, Any]] = load_bundle(sample_bundle).manifest["golden_rows"]
    return rows


def run(python: list[str], program: str, *words: object, event: object = None) -> dict[str, Any]:
    done = subprocess.run(
        [*python, "-c", program, *map(str, words)],
        input=json.dumps(event),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert answer["machine"] == "aarch64"
    return answer


def largest_difference(scores: list[float], golden: list[dict[str, Any]]) -> float:
    assert len(scores) == len(golden)
    return max(
        abs(score - float(row["churn_probability"])) for score, row in zip(scores, golden, strict=True)
    )


def test_the_score_function_answers_on_arm64_as_on_x86_64(
    python: list[str],
    built_function: Callable[[str, str], Path],
    lambda_tools: LambdaTools,
    golden: list[dict[str, Any]],
) -> None:
    folder = built_function("ScoreFunction", "arm64")
    event = json.loads((REPOSITORY / "events" / "predict-batch.json").read_text())
    event["body"] = json.dumps({"customers": [row["record"] for row in golden]})
    started = time.monotonic()

    answer = run(python, ONLINE, folder, event=event)["answer"]

    assert answer["statusCode"] == 200, answer
    predictions = json.loads(answer["body"])["predictions"]
    assert [prediction["will_churn"] for prediction in predictions] == [row["will_churn"] for row in golden]
    difference = largest_difference([prediction["churn_probability"] for prediction in predictions], golden)
    assert difference <= SAME
    record_figure(
        f"Score function on emulated arm64: largest difference to x86_64 over {len(golden)} golden rows",
        f"{difference:.0e} ({time.monotonic() - started:.0f} s)",
    )


def test_the_batch_function_s_library_scores_on_arm64_as_on_x86_64(
    python: list[str],
    built_function: Callable[[str, str], Path],
    lambda_tools: LambdaTools,
    golden: list[dict[str, Any]],
    tmp_path: Path,
) -> None:
    folder = built_function("BatchFunction", "arm64")
    rows = [{"customerID": f"C{number}"} | row["record"] for number, row in enumerate(golden)]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "customers.parquet")
    started = time.monotonic()

    run(python, BATCH, folder, tmp_path / "customers.parquet", tmp_path / "scores.parquet")

    scores = pq.read_table(tmp_path / "scores.parquet")
    assert set(scores["status"].to_pylist()) == {"scored"}
    assert scores["will_churn"].to_pylist() == [row["will_churn"] for row in golden]
    difference = largest_difference(scores["churn_probability"].to_pylist(), golden)
    assert difference <= SAME
    record_figure(
        f"Batch function's library on emulated arm64: largest difference to x86_64 over {len(golden)} rows",
        f"{difference:.0e} ({time.monotonic() - started:.0f} s)",
    )

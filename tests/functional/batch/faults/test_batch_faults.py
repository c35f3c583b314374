"""Faults of time, machine, processes and model: rows B29 to B37 and C39 of the reliability contract."""

from __future__ import annotations

import ast
import shutil
import signal
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from functions.batch import app, scoring_process
from functions.batch.scoring_process import ScoringProcess
from functions.batch.scoring_task import INPUT_FILE
from tests.functional.batch.batch_stack import INPUT, BatchStack, deliver_again, message
from tests.functional.batch.faults.lossy_proxy import LossyProxy, Rule

if TYPE_CHECKING:
    from collections.abc import Callable


def test_b29_scoring_does_not_start_without_time_for_the_output(stack: BatchStack, customers: bytes) -> None:
    stack.context.remaining_milliseconds = 20_000
    put = stack.put(customers)

    assert deliver_again(stack, put, times=5) == ["deadline"] * 5
    assert stack.versions() == []


def test_b29_c37_an_object_that_takes_too_long_gets_two_more_chances(
    stack: BatchStack, customers: bytes
) -> None:
    stack.context.remaining_milliseconds = 20_050
    put = stack.put(customers)

    assert deliver_again(stack, put, times=3) == ["timeout"] * 3

    assert stack.versions() == [stack.record_key(put)]
    assert (stack.metric("Retried"), stack.metric("Quarantined")) == (2, 1)


def test_b32_each_message_that_fails_is_named(stack: BatchStack, proxy: LossyProxy, customers: bytes) -> None:
    proxy.rules.append(Rule("HEAD", INPUT, 403))
    messages = [message(stack.put(customers).event()) for _ in range(3)]

    assert stack.deliver(*messages) == [record["messageId"] for record in messages]


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt])
def test_b33_an_exception_that_ends_the_process_fails_the_whole_batch(
    stack: BatchStack, customers: bytes, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    """If an invocation fails, Lambda deletes none of its messages."""
    first, second = stack.put(customers), stack.put(customers)
    score = ScoringProcess.score
    calls: list[int] = []

    def die_the_second_time(self: ScoringProcess, *arguments: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            raise error
        return score(self, *arguments)

    monkeypatch.setattr(ScoringProcess, "score", die_the_second_time)
    with pytest.raises(error):
        stack.deliver(message(first.event()), message(second.event()))
    assert stack.versions() == [stack.output_key(first)]

    assert stack.deliver(message(first.event(), 2), message(second.event(), 2)) == []
    assert stack.versions() == sorted([stack.output_key(first), stack.output_key(second)])


def test_b33_a_defect_of_one_object_leaves_the_others_alone(
    stack: BatchStack, customers: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = stack.put(customers), stack.put(customers)
    raised = iter([MemoryError("SSN-111-22-3333")])
    score = ScoringProcess.score

    def fail_once(self: ScoringProcess, *arguments: Any) -> Any:
        for error in raised:
            raise error
        return score(self, *arguments)

    monkeypatch.setattr(ScoringProcess, "score", fail_once)
    failed = message(first.event())
    assert stack.deliver(failed, message(second.event())) == [failed["messageId"]]
    assert stack.outcomes() == ["internal-error", "scored"]
    assert "SSN-111-22-3333" not in stack.log
    assert "MemoryError" in stack.log


def test_b34_files_of_a_killed_attempt_are_deleted(
    stack: BatchStack, environment: Path, customers: bytes
) -> None:
    left = environment / "churn-batch" / "tmp-of-a-killed-attempt"
    left.mkdir(parents=True)
    (left / INPUT_FILE).write_bytes(b"customers")

    stack.drop(customers)

    assert not left.exists()
    assert [path for path in environment.rglob("*") if path.is_file()] == []


def test_b34_a_full_disk_gives_two_more_chances(
    stack: BatchStack, customers: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = tempfile.mkdtemp

    def on_a_full_disk(**where: Any) -> str:
        folder: str = make(**where)
        Path(folder, INPUT_FILE).symlink_to("/dev/full")
        return folder

    monkeypatch.setattr(tempfile, "mkdtemp", on_a_full_disk)
    put = stack.put(customers)

    assert deliver_again(stack, put, times=3) == ["no-space"] * 3
    assert stack.versions() == [stack.record_key(put)]
    assert stack.record(put)["stage"] == "download"


def test_b35_each_model_has_its_own_output(
    stack: BatchStack, customers: bytes, bundle_of: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    put = stack.drop(customers)
    monkeypatch.setenv("CHURN_MODEL_DIR", str(bundle_of("random_forest")))
    app.load_deliveries.cache_clear()

    assert deliver_again(stack, put, times=2) == ["scored", "already-scored"]

    scored = stack.versions()
    assert len(scored) == 2
    assert all(key.endswith(f"/{put.input_id}.parquet") for key in scored)


@pytest.mark.parametrize("harm", ["missing", "altered"])
def test_b36_g10_without_its_model_the_function_scores_nothing(
    stack: BatchStack,
    customers: bytes,
    sample_bundle: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    harm: str,
) -> None:
    folder = tmp_path / "model"
    if harm == "altered":
        shutil.copytree(sample_bundle, folder)
        with (folder / "model.onnx").open("ab") as file:
            file.write(b"\0")
    monkeypatch.setenv("CHURN_MODEL_DIR", str(folder))
    app.load_deliveries.cache_clear()
    messages = [message(stack.put(customers).event()) for _ in range(2)]

    assert stack.deliver(*messages) == [record["messageId"] for record in messages]

    assert stack.versions() == []
    assert stack.metric("ModelUnavailable") == 2

    # The next invocation loads the model again.
    monkeypatch.setenv("CHURN_MODEL_DIR", str(sample_bundle))
    assert stack.deliver(*messages) == []


def test_b37_a_message_is_kept_until_its_record_is_written(stack: BatchStack, proxy: LossyProxy) -> None:
    put = stack.put(b"no Parquet")
    proxy.rules.append(Rule("PUT", "quarantine", 403))

    for record in (message(put.event(), delivery) for delivery in (1, 2)):
        assert stack.deliver(record) == [record["messageId"]]
    assert stack.outcomes() == ["access-denied"] * 2
    assert stack.versions() == []

    proxy.rules.clear()
    assert deliver_again(stack, put) == ["not-parquet"]
    assert stack.versions() == [stack.record_key(put)]


@pytest.mark.parametrize("end", ["signal", "exit", "silence", "nonsense", "link"])
def test_c39_a_reader_that_dies_gets_two_more_chances(
    stack: BatchStack, customers: bytes, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    scripts = {
        "signal": f"import os; os.kill(os.getpid(), {int(signal.SIGSEGV)})",
        "exit": "import os; os._exit(3)",
        "silence": "pass",
        "link": (
            "import json, os; os.symlink('/etc/passwd', 'out.parquet'); json.dump(dict(rows=1, scored=1,"
            " rejected=0, will_churn=0, rejects={}, warnings={}, drift=None), open('result.json', 'w'))"
        ),
        "nonsense": "open('result.json', 'w').write('{\"outcome\": \"fine\", \"message\": 1}')",
    }
    monkeypatch.setattr(scoring_process, "_BOOTSTRAP", scripts[end])
    put = stack.put(customers)

    assert deliver_again(stack, put, times=3) == ["reader-crash"] * 3
    assert stack.versions() == [stack.record_key(put)]


def test_the_process_that_reads_has_no_credentials(
    stack: BatchStack, customers: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "secret")
    seen = tmp_path / "seen"
    monkeypatch.setattr(
        scoring_process,
        "_BOOTSTRAP",
        f"import os; open({str(seen)!r}, 'w').write(repr(sorted(os.environ)))",
    )
    stack.deliver(message(stack.put(customers).event()))

    names = ast.literal_eval(seen.read_text())
    assert all(
        name in ("PATH", "HOME", "TMPDIR", "LC_CTYPE", "LD_LIBRARY_PATH", "ORT_DISABLE_TELEMETRY")
        or name.startswith("CHURN_")
        for name in names
    )
    assert {"PATH", "HOME", "TMPDIR", "ORT_DISABLE_TELEMETRY"} <= set(names)

"""Every option of every command, with hostile values: each run ends with one sentence, and quickly."""

from __future__ import annotations

import argparse
import io
import os
import random
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any, Final

import boto3
import pytest
import uvicorn
from moto import mock_aws

import churn_core.pipelines
import functions.shared.storage
from churn_core.cli import build_parser, main
from churn_core.data import generate_sample_data
from churn_core.errors import TrainingError
from churn_core.models.bundle.writer import check_bundle_folder
from tests.proof_figures import cases, record_figure

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

VALUES_PER_OPTION: Final = cases(6, "CHURN_HOSTILE_WORDS")
"""A seeded choice of `hostile_values`; the proof takes all."""
SECONDS_PER_CASE: Final = 60 if VALUES_PER_OPTION > 6 else 10
"""Processor time; commands take less than one second, and the proof's trainings some more."""
HANGING_SECONDS: Final = 120
LONGEST_ERROR: Final = 2_500

ACCOUNT, REGION, STACK = "123456789012", "eu-west-1", "churn-dev"


def hostile_values() -> list[str]:
    long = "x" * 10_000
    numbers = ["-1", "0", "1.5", "1e999", "nan", "inf", "True", "9" * 30, "9" * 5_000, "0x10", "\u0663"]
    texts = ["", " ", "\0", "a\nb", "\r", "😀", "\x1b[31m", "\u202e", "\udcff", "%s%n{0}", "*", "--", long]
    files = [
        *("folder", "folder.csv", "folder.parquet", "pipe", "pipe.csv", "pipe.parquet", "binary.yaml"),
        *("loop", "loop.csv", "broken", "broken.csv", "t.csv/x.csv", "secret.csv", "secret.parquet"),
        *("no/such/file", "no/such/file.csv", "no/such/file.parquet", "\udcff.csv", "a\0.parquet"),
        *("a\nb.csv", ".", "..", "/", "/dev/null", "/dev/zero", "/dev/full", "/proc/self/mem"),
        *("x" * 300 + ".csv", "x/" * 3_000),
    ]
    keys = ["", "/", "/../k", "/a\nb", "/\0", "/\udcff", "/😀é", "/%00\r\nx: y", "/k?versionId=3", f"/{long}"]
    buckets = ["B", "a", "BAD_..b", "a\nb", long, "😀", "arn:aws:s3:eu-west-1:1:x", "bucket?x=y", "a b", "-"]
    return [
        *numbers,
        *texts,
        *files,
        *(f"s3://bucket{key}" for key in keys),
        *(f"s3://{name}/key" for name in buckets),
        *("s3://", "s3:///key", "S3://bucket/key"),
    ]


def command_parsers() -> dict[str, argparse.ArgumentParser]:
    """Return the parser of each command, so that new commands and options are tried too."""
    found = [action for action in build_parser()._actions if isinstance(action, argparse._SubParsersAction)]
    return dict(found[0].choices)


def valued_actions(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    return [action for action in parser._actions if action.nargs != 0]


@pytest.fixture
def workplace(
    tmp_path: Path, sample_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dict[str, str]]:
    """A folder of hostile files and AWS's stand-in; valid values by the name of the argument."""
    monkeypatch.chdir(tmp_path)
    table = generate_sample_data(60, seed=4)
    for name in ("t.csv", "secret.csv"):
        table.to_csv(name, index=False)
    for name in ("t.parquet", "secret.parquet"):
        table.to_parquet(name)
    for name in ("secret.csv", "secret.parquet"):
        (tmp_path / name).chmod(0)
    for name in ("folder", "folder.csv", "folder.parquet"):
        (tmp_path / name).mkdir()
    for name in ("pipe", "pipe.csv", "pipe.parquet"):
        os.mkfifo(name)
    for name in ("loop", "loop.csv"):
        (tmp_path / name).symlink_to(name)
    for name in ("broken", "broken.csv"):
        (tmp_path / name).symlink_to("no/such/file")
    (tmp_path / "one.json").write_text("{}", encoding="utf-8")
    (tmp_path / "binary.yaml").write_bytes(bytes(range(256)))
    monkeypatch.setattr(uvicorn.Server, "run", lambda *_args, **_options: None)
    monkeypatch.setattr(sys, "stdin", io.StringIO("{}"))
    if VALUES_PER_OPTION == 6:
        monkeypatch.setattr(churn_core.pipelines, "run_training", no_training)
    with mock_aws():
        fill_aws(monkeypatch)
        yield {
            "data": "t.csv",
            "source": "t.parquet",
            "destination": "out.parquet",
            "out": "out.csv",
            "file": "one.json",
            "address": "s3://bucket/key",
            "model": str(sample_bundle),
            "target": "Churn",
        }


def no_training(_config: Any, _table: Any, folder: Path, *, reads: list[Path], **_options: Any) -> None:
    check_bundle_folder(folder, reads)
    raise TrainingError("Nothing is trained in this test; read its text.")


def fill_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    clients: dict[str, Any] = {}

    def create_client(service: str, **_settings: Any) -> Any:
        # A client takes 0.1 s.
        if service not in clients:
            clients[service] = boto3.client(service)
        return clients[service]

    monkeypatch.setattr(functions.shared.storage, "create_client", create_client)
    s3 = create_client("s3")
    for bucket in ("bucket", *(f"{STACK}-{name}-{ACCOUNT}-{REGION}" for name in ("input", "output"))):
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket="bucket", Key="key", Body=b"x")
    for queue in (f"{STACK}-inputs", f"{STACK}-inputs-dead"):
        create_client("sqs").create_queue(QueueName=queue)


def words_with(
    command: str, parser: argparse.ArgumentParser, tried: argparse.Action, value: str, valid: dict[str, str]
) -> list[str]:
    words = [command]
    for action in valued_actions(parser):
        given = value if action is tried else valid.get(action.dest, "x")
        if action.option_strings and (action is tried or action.required or action.dest == "model"):
            words.append(f"{action.option_strings[0]}={given}")
    words.append("--")
    for action in valued_actions(parser):
        if not action.option_strings:
            words.append(value if action is tried else valid.get(action.dest, "x"))
    return words


def defect(words: list[str], capsys: pytest.CaptureFixture[str]) -> str | None:
    """Run a command; return what is wrong with its end, or None."""

    def hang(*_args: Any) -> None:
        raise RuntimeError("hangs")

    signal.signal(signal.SIGALRM, hang)
    signal.alarm(HANGING_SECONDS)
    started = time.process_time()
    try:
        code: object = main(words)
    except BaseException as error:  # noqa: BLE001
        code = repr(error)
    finally:
        signal.alarm(0)
    seconds, error_text = time.process_time() - started, capsys.readouterr().err
    if code not in (0, 1, 2) or "Traceback" in error_text or "Unexpected" in error_text:
        return f"{code}: {error_text[:300]}"
    if code != 0 and (not error_text.startswith("churn: ") or len(error_text.splitlines()) != 1):
        return f"not one sentence: {error_text[:300]!r}"
    if len(error_text) > LONGEST_ERROR or not error_text.removesuffix("\n").isprintable():
        return f"unreadable: {error_text[:300]!r}"
    return f"{seconds:.0f} s" if seconds > SECONDS_PER_CASE else None


@pytest.mark.parametrize("command", list(command_parsers()))
def test_a_hostile_value_of_an_option_ends_with_one_sentence(
    command: str, workplace: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    parser = command_parsers()[command]
    choice = random.Random(command)
    defects, tried = {}, 0
    for action in valued_actions(parser):
        values = hostile_values()
        for value in choice.sample(values, min(VALUES_PER_OPTION, len(values))):
            words = words_with(command, parser, action, value, workplace)
            tried += 1
            if (found := defect(words, capsys)) is not None:
                defects[action.dest, value[:80]] = found
    assert defects == {}
    record_figure(f"hostile values of `churn {command}` that end with one sentence", f"{tried} of {tried}")


def test_every_command_is_tried() -> None:
    assert {"init", "train", "score", "serve", "locate", "publish"} <= set(command_parsers())


@pytest.mark.parametrize(
    ("encoding", "words"),
    [
        ("utf-8", [b"validate", b"\xff.csv"]),
        ("ascii", [b"validate", b"a\nb\x1b[31m.csv"]),
        ("utf-8", [b"score", b"--threads", "\u0663".encode(), b"x" * 5_000, b"y"]),
        ("ascii", [b"predict", b"--model", b"x" * 5_000]),
        ("utf-8", [b"train", b"/dev/zero"]),
        ("ascii", [b"init", b"--target", b"\xf0\x9f\x98\x80", b"no.csv"]),
    ],
)
def test_a_process_with_hostile_words_ends_with_one_sentence(encoding: str, words: list[bytes]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "churn_core.cli", *words],
        capture_output=True,
        check=False,
        timeout=120,
        env=os.environ | {"PYTHONIOENCODING": encoding, "CHURN_DEBUG": ""},
    )
    assert done.returncode in (1, 2)
    assert done.stdout == b""
    assert done.stderr.startswith(b"churn: ")
    assert done.stderr.count(b"\n") == 1
    assert b"Unexpected" not in done.stderr


@pytest.mark.parametrize(
    ("words", "heavy"),
    [
        (["score", "--threads", "0", "a", "b"], ["numpy", "duckdb", "onnxruntime"]),
        (["serve", "--port", "-1"], ["numpy", "uvicorn", "onnxruntime"]),
        (["backfill", "--stack", "", "s3://bucket/key"], ["numpy", "boto3"]),
        (["train", "no-such-file.csv"], ["sklearn", "onnx", "matplotlib"]),
    ],
)
def test_wrong_arguments_are_refused_before_heavy_imports(words: list[str], heavy: list[str]) -> None:
    program = (
        "import sys; from churn_core.cli import main; code = main(sys.argv[1:]); print(code, *sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *words], capture_output=True, text=True, check=True, timeout=120
    )
    code, *modules = done.stdout.split()
    assert code in ("1", "2")
    assert set(heavy).isdisjoint(modules)

"""The zip of the score function, as SAM builds it: what it answers, what it holds, what it imports."""

from __future__ import annotations

import json
import re
import shutil
import struct
import subprocess
from typing import TYPE_CHECKING, Any, Final

import pytest

from churn_core.scoring.bundle import load_bundle
from churn_core.scoring.predictor import ChurnPredictor
from infra.build.package_functions import check_sizes
from infra.local.emulator import REPOSITORY, FunctionUnderEmulator, LambdaTools
from tests.proof_figures import record_figure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

HANDLER: Final = "functions.score.app.lambda_handler"
ELF_MACHINE: Final = {"x86_64": 62, "arm64": 183}
"""e_machine of the ELF header."""

HEAVY: Final = ["sklearn", "skl2onnx", "onnx", "pandas", "pyarrow", "boto3", "botocore", "aws_xray_sdk"]


@pytest.fixture(scope="module")
def score_dir(built_function: Callable[[str, str], Path], lambda_tools: LambdaTools) -> Path:
    return built_function("ScoreFunction", lambda_tools.architecture)


@pytest.fixture(scope="module")
def score_function(score_dir: Path, lambda_tools: LambdaTools) -> Iterator[FunctionUnderEmulator]:
    with FunctionUnderEmulator(score_dir, HANDLER, {}, lambda_tools) as function:
        yield function


def api_event(**changes: Any) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((REPOSITORY / "events" / "predict.json").read_text(encoding="utf-8"))
    return event | changes


def test_answer_is_the_library_s_to_the_last_digit(
    score_function: FunctionUnderEmulator, sample_bundle: Path
) -> None:
    event = api_event()
    expected = ChurnPredictor(load_bundle(sample_bundle)).predict(json.loads(event["body"]))

    answer = score_function.invoke(event)

    assert answer["statusCode"] == 200
    assert answer["multiValueHeaders"]["Content-Type"] == ["application/json"]
    assert json.loads(answer["body"]) == expected


def test_all_reasons_on_demand(score_function: FunctionUnderEmulator, sample_bundle: Path) -> None:
    answer = score_function.invoke(api_event(queryStringParameters={"reasons": "all"}))

    named = {reason["feature"] for reason in json.loads(answer["body"])["reasons"]}
    assert named == set(load_bundle(sample_bundle).contract.names)


def test_health_names_the_model(score_function: FunctionUnderEmulator, sample_bundle: Path) -> None:
    answer = score_function.invoke(api_event(httpMethod="GET", path="/health", resource="/health", body=None))

    version = load_bundle(sample_bundle).model_version
    assert (answer["statusCode"], json.loads(answer["body"])) == (
        200,
        {"status": "ok", "model_version": version},
    )


@pytest.mark.parametrize(
    ("body", "status", "kind", "errors"),
    [
        (None, 400, "malformed-json", None),
        ('{"tenure": ', 400, "malformed-json", None),
        ('{"tenure": NaN}', 400, "malformed-json", None),
        ("[" * 100_000, 400, "too-deep", None),
        ("[]", 422, "validation", [{"loc": [], "code": "object_type"}]),
        ({"tenure": 7_654_321}, 422, "validation", [{"loc": ["tenure"], "code": "out_of_range"}]),
        ({"tenure": "secret"}, 422, "validation", [{"loc": ["tenure"], "code": "wrong_type"}]),
        ({"secret": 1}, 422, "validation", [{"loc": [20], "code": "extra_forbidden"}]),
    ],
)
def test_faults_are_problems_that_echo_no_value(
    score_function: FunctionUnderEmulator,
    body: str | dict[str, Any] | None,
    status: int,
    kind: str,
    errors: list[dict[str, Any]] | None,
) -> None:
    if isinstance(body, dict):
        body = json.dumps(json.loads(api_event()["body"]) | body)
    log_before = len(score_function.log)

    answer = score_function.invoke(api_event(body=body))

    problem = json.loads(answer["body"])
    assert answer["multiValueHeaders"]["Content-Type"] == ["application/problem+json"]
    assert (answer["statusCode"], problem["status"]) == (status, status)
    assert problem["type"] == f"urn:churn:problem:{kind}"
    assert problem["instance"]
    assert problem.get("errors") == errors
    for text in (answer["body"], score_function.log[log_before:]):
        assert "secret" not in text
        assert "7654321" not in text


def listed_events() -> dict[str, int]:
    """Return the events of events/README.md that API Gateway sends, and the status that it names."""
    text = (REPOSITORY / "events" / "README.md").read_text(encoding="utf-8")
    return {
        name: int(status)
        for name, status in re.findall(r"^\| (\S+) \| .* \| (\d{3}) \|$", text, re.MULTILINE)
    }


@pytest.mark.parametrize(("name", "status"), sorted(listed_events().items()))
def test_every_event_is_answered_as_its_list_says(
    score_function: FunctionUnderEmulator, name: str, status: int
) -> None:
    event = json.loads((REPOSITORY / "events" / f"{name}.json").read_text(encoding="utf-8"))
    answer = score_function.invoke(event)
    assert answer["statusCode"] == status
    json.loads(answer["body"])


def test_every_event_is_listed() -> None:
    files = {path.stem for path in (REPOSITORY / "events").glob("*.json")}
    assert {name for name in files if "batch-" not in name} == set(listed_events())


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("https://crm.example.com", True),
        ("http://localhost:3000", True),
        ("https://evil.example", False),
        ("", False),
    ],
)
def test_a35_pages_of_the_listed_origins_may_call_and_no_others(
    score_dir: Path, lambda_tools: LambdaTools, origin: str, allowed: bool
) -> None:
    environment = {"CHURN_CORS_ORIGINS": "https://crm.example.com, http://localhost:3000"}
    preflight = json.loads((REPOSITORY / "events" / "predict-preflight.json").read_text(encoding="utf-8"))
    preflight["headers"]["Origin"] = origin
    preflight["multiValueHeaders"]["Origin"] = [origin]
    asked = api_event()
    asked["headers"]["Origin"] = origin
    asked["multiValueHeaders"]["Origin"] = [origin]
    with FunctionUnderEmulator(score_dir, HANDLER, environment, lambda_tools) as function:
        answers = [function.invoke(preflight), function.invoke(asked)]

    assert [answer["statusCode"] for answer in answers] == [204, 200]
    for answer in answers:
        headers = answer["multiValueHeaders"]
        assert headers.get("Access-Control-Allow-Origin") == ([origin] if allowed else None)


def test_cold_start_and_requests_are_told_in_json_lines(score_dir: Path, lambda_tools: LambdaTools) -> None:
    with FunctionUnderEmulator(score_dir, HANDLER, {}, lambda_tools) as function:
        function.invoke(api_event())
        function.invoke(api_event())
        lines = [json.loads(line) for line in function.log.splitlines() if line.startswith("{")]

    assert sum(line.get("ColdStart", [0])[0] for line in lines) == 1
    requests = [line for line in lines if "Requests" in line]
    assert [line["route"] for line in requests] == ["POST /predict"] * 2
    assert {line["request_id"] for line in requests} == {api_event()["requestContext"]["requestId"]}


@pytest.mark.parametrize("damage", ["missing", "altered"])
def test_a41_without_a_usable_model_it_answers_503(
    score_dir: Path, lambda_tools: LambdaTools, tmp_path: Path, damage: str
) -> None:
    if damage == "altered":
        shutil.copytree(score_dir / "model", tmp_path, dirs_exist_ok=True)
        graph = tmp_path / "model.onnx"
        graph.write_bytes(graph.read_bytes() + b"x")
    environment = {"CHURN_MODEL_DIR": str(tmp_path)}
    with FunctionUnderEmulator(score_dir, HANDLER, environment, lambda_tools) as function:
        answers = [function.invoke(api_event()) for _ in range(2)]

    for answer in answers:
        assert answer["statusCode"] == 503
        assert json.loads(answer["body"])["type"] == "urn:churn:problem:model-unavailable"
        assert answer["multiValueHeaders"]["Retry-After"] == ["5"]


def test_import_loads_nothing_heavy(score_dir: Path, lambda_tools: LambdaTools) -> None:
    program = "import sys; sys.path.insert(0, sys.argv[1]); import functions.score.app; print(*sys.modules)"
    # -I, -S: neither this checkout, an environment variable nor site-packages may help the bundle.
    result = subprocess.run(
        [lambda_tools.python, "-I", "-S", "-c", program, score_dir],
        env={"LAMBDA_TASK_ROOT": str(score_dir)},
        capture_output=True,
        text=True,
        check=True,
    )

    loaded = result.stdout.splitlines()[-1].split()
    assert "onnxruntime" in loaded
    assert "can't be loaded" not in result.stdout
    assert not set(loaded) & {*HEAVY, "pydantic", "duckdb", "arro3", "google.protobuf"}


@pytest.mark.parametrize(
    ("function", "own_folder", "wanted"),
    [
        ("ScoreFunction", "score", ["onnxruntime", "aws_lambda_powertools"]),
        ("BatchFunction", "batch", ["onnxruntime", "aws_lambda_powertools", "duckdb", "arro3"]),
    ],
)
def test_zip_holds_what_it_needs_and_no_more(
    built_function: Callable[[str, str], Path],
    lambda_tools: LambdaTools,
    function: str,
    own_folder: str,
    wanted: list[str],
) -> None:
    folder = built_function(function, lambda_tools.architecture)

    def names(path: Path) -> set[str]:
        return {child.name for child in path.iterdir()} - {"__pycache__"}

    assert names(folder / "functions") == {"__init__.py", own_folder}
    # Neither the web server nor the pages of this machine's own API.
    assert not names(folder / "functions" / own_folder) & {"local.py", "pages.py", "site"}
    assert names(folder / "churn_core") == {"__init__.py", "errors.py", "schema.py", "scoring"}
    assert names(folder / "model") == {"model.onnx", "manifest.json"}
    assert set(wanted) <= names(folder)
    assert not names(folder) & {*HEAVY, "bin", "tests"}
    assert list(folder.glob("churn_core/__pycache__/*.pyc"))


@pytest.mark.parametrize("architecture", ["x86_64", "arm64"])
@pytest.mark.parametrize("function", ["ScoreFunction", "BatchFunction"])
def test_zip_stays_small(
    built_function: Callable[[str, str], Path], function: str, architecture: str
) -> None:
    folder = built_function(function, architecture)
    assert list(folder.glob("onnxruntime/__pycache__/*.pyc"))
    size = check_sizes(function, folder)
    assert 100_000_000 < size < 250_000_000
    record_figure(
        f"Bytes of {function}'s bundle for {architecture}, bytecode and model included", f"{size:,}"
    )


@pytest.mark.parametrize("architecture", ["x86_64", "arm64"])
@pytest.mark.parametrize("function", ["ScoreFunction", "BatchFunction"])
def test_libraries_are_for_the_architecture(
    built_function: Callable[[str, str], Path], function: str, architecture: str
) -> None:
    folder = built_function(function, architecture)

    machines = {file.name: elf_machine(file) for file in folder.rglob("*.so*")}
    assert len(machines) > 10
    assert set(machines.values()) == {ELF_MACHINE[architecture]}, machines


def elf_machine(file: Path) -> int:
    """Return e_machine of a shared library's header (little-endian, as both architectures are)."""
    header = file.read_bytes()[:20]
    assert header[:4] == b"\x7fELF", file
    machine: int = struct.unpack_from("<H", header, 18)[0]
    return machine

"""The score function's bundle: its answers, its files, its imports."""

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
from infra.local.aws.emulator import FunctionUnderEmulator
from infra.local.template_settings import TemplateSettings
from infra.local.tools import REPOSITORY, LambdaTools
from tests.proof_figures import record_figure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

HANDLER: Final = TemplateSettings().function("ScoreFunction").handler
ELF_MACHINE: Final = {"x86_64": 62, "arm64": 183}
"""The field e_machine of an ELF header."""

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


def test_the_answer_equals_the_library_s_to_the_last_digit(
    score_function: FunctionUnderEmulator, sample_bundle: Path
) -> None:
    event = api_event()
    expected = ChurnPredictor(load_bundle(sample_bundle)).predict(json.loads(event["body"]))

    answer = score_function.invoke(event)

    assert answer["statusCode"] == 200
    assert answer["multiValueHeaders"]["Content-Type"] == ["application/json"]
    assert json.loads(answer["body"]) == expected


def test_reasons_all_lists_every_feature(score_function: FunctionUnderEmulator, sample_bundle: Path) -> None:
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
def test_problems_and_logs_hold_no_value_of_a_faulty_request(
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
    """Return API Gateway's events of events/README.md, with the status code that it lists for each."""
    text = (REPOSITORY / "events" / "README.md").read_text(encoding="utf-8")
    return {
        name: int(status)
        for name, status in re.findall(r"^\| (\S+) \| .* \| (\d{3}) \|$", text, re.MULTILINE)
    }


@pytest.mark.parametrize(("name", "status"), sorted(listed_events().items()))
def test_every_event_gets_the_listed_status(
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
def test_a35_only_pages_of_the_configured_origins_may_call(
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


def test_cold_start_and_requests_are_logged_as_json_lines(score_dir: Path, lambda_tools: LambdaTools) -> None:
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


def test_importing_the_handler_loads_no_heavy_package(score_dir: Path, lambda_tools: LambdaTools) -> None:
    program = "import sys; sys.path.insert(0, sys.argv[1]); import functions.score.app; print(*sys.modules)"
    # -I and -S hide this checkout, environment variables and site-packages from the bundle.
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
def test_the_bundle_holds_only_what_the_function_needs(
    built_function: Callable[[str, str], Path],
    lambda_tools: LambdaTools,
    function: str,
    own_folder: str,
    wanted: list[str],
) -> None:
    folder = built_function(function, lambda_tools.architecture)

    def names(path: Path) -> set[str]:
        return {child.name for child in path.iterdir()} - {"__pycache__"}

    assert names(folder / "functions") == {"__init__.py", "shared", own_folder}
    assert names(folder / "churn_core") == {
        "__init__.py",
        "errors.py",
        "reader_rules.py",
        "schema.py",
        "scoring",
    }
    assert names(folder / "model") == {"model.onnx", "manifest.json"}
    assert set(wanted) <= names(folder)
    assert not names(folder) & {*HEAVY, "bin", "tests"}
    assert list(folder.glob("churn_core/__pycache__/*.pyc"))


@pytest.mark.parametrize("architecture", ["x86_64", "arm64"])
@pytest.mark.parametrize("function", ["ScoreFunction", "BatchFunction"])
def test_the_bundle_is_within_the_size_limits(
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
def test_libraries_are_built_for_the_architecture(
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

"""`churn serve` over HTTP, as its users call it."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
import tritonclient.http as triton

from churn_core.data import generate_sample_data
from churn_core.scoring.predictor import ChurnPredictor
from functions.score.limits import MAX_BODY_BYTES
from tests.served_api import ServedApi
from tests.waiting import wait_for

JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def customers() -> list[dict[str, Any]]:
    table = generate_sample_data(1_000, seed=5).drop(columns="Churn")
    return [
        {str(name): None if value != value else value for name, value in row.items()}
        for row in table.astype(object).to_dict(orient="records")
    ]


def call(
    api: ServedApi,
    path: str,
    body: Any = None,
    headers: dict[str, str] | None = None,
    method: str | None = None,
) -> tuple[int, dict[str, str], Any]:
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(
        api.address + path, data, JSON if headers is None else headers, method=method
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, dict(response.headers), json.loads(response.read())
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), json.loads(error.read())


def test_scores_equal_those_of_the_library(
    api: ServedApi, predictor: ChurnPredictor, customers: list[dict[str, Any]]
) -> None:
    assert call(api, "/predict", customers[0])[2] == predictor.predict(customers[0])
    assert call(api, "/predict?reasons=all", customers[1])[2] == predictor.predict(
        customers[1], all_reasons=True
    )
    assert call(api, "/predict/batch", {"customers": customers})[2]["predictions"] == predictor.predict(
        customers
    )


def test_a50_each_of_two_hundred_parallel_clients_gets_its_own_answer(
    api: ServedApi, predictor: ChurnPredictor, customers: list[dict[str, Any]]
) -> None:
    expected = predictor.predict(customers)
    together = threading.Barrier(200)

    def client(number: int) -> list[int]:
        together.wait(timeout=60)
        own = range(number, len(customers), 200)
        return [row for row in own if call(api, "/predict", customers[row])[2] != expected[row]]

    with ThreadPoolExecutor(200) as pool:
        wrong = [row for rows in pool.map(client, range(200)) for row in rows]
    assert wrong == []


def test_tritons_client_of_the_inference_protocol_is_served(
    api: ServedApi, predictor: ChurnPredictor, customers: list[dict[str, Any]]
) -> None:
    client = triton.InferenceServerClient(api.address.removeprefix("http://"))
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("churn")
    assert client.get_server_metadata()["name"] == "churn-stack"
    metadata = client.get_model_metadata("churn")
    assert [item["name"] for item in metadata["inputs"]] == list(predictor.contract.names)

    rows = [customer for customer in customers if customer["TotalCharges"] is not None][:50]
    inputs = []
    for item in metadata["inputs"]:
        values = [row[item["name"]] for row in rows]
        if item["datatype"] == "BYTES":
            values = [str(value) for value in values]
        kind = {"BYTES": np.object_, "INT64": np.int64, "FP64": np.float64}[item["datatype"]]
        tensor = triton.InferInput(item["name"], [len(rows)], item["datatype"])
        tensor.set_data_from_numpy(np.array(values, dtype=kind), binary_data=False)
        inputs.append(tensor)
    wanted = [triton.InferRequestedOutput("churn_probability", binary_data=False)]
    for outputs in (wanted, None):
        answer = client.infer("churn", inputs, outputs=outputs, request_id="7")
        scores = answer.as_numpy("churn_probability")
        assert scores.tolist() == [row["churn_probability"] for row in predictor.predict(rows)]
        assert answer.get_response()["id"] == "7"


def test_tritons_client_raises_the_errors_of_the_api(api: ServedApi) -> None:
    client = triton.InferenceServerClient(api.address.removeprefix("http://"))
    tensor = triton.InferInput("gender", [1], "BYTES")
    tensor.set_data_from_numpy(np.array(["Female"], dtype=np.object_), binary_data=True)
    with pytest.raises(triton.InferenceServerException, match="Binary"):
        client.infer("churn", [tensor])
    assert not client.is_model_ready("other")


@pytest.mark.parametrize("body", [b"\xff\xfe{", b'{"gender": "\xff"}'])
def test_bytes_that_are_not_utf_8_are_refused(api: ServedApi, body: bytes) -> None:
    status, headers, problem = call(api, "/predict", body)
    assert (status, problem["type"]) == (400, "urn:churn:problem:bad-encoding")
    assert headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("size", [MAX_BODY_BYTES + 1, 20 * MAX_BODY_BYTES])
def test_a_body_over_the_limit_is_refused(api: ServedApi, size: int) -> None:
    assert call(api, "/predict", b" " * size)[0] == 413


def test_a_chunked_body_is_read_completely(
    api: ServedApi, predictor: ChurnPredictor, customers: list[dict[str, Any]]
) -> None:
    connection = http.client.HTTPConnection(urlsplit(api.address).netloc, timeout=30)
    text = json.dumps(customers[0]).encode()
    parts = iter([text[:10], text[10:200], text[200:]])
    connection.request("POST", "/predict", parts, JSON, encode_chunked=True)
    assert json.loads(connection.getresponse().read()) == predictor.predict(customers[0])


def test_every_request_has_its_own_id(api: ServedApi) -> None:
    instances = {call(api, "/nowhere", headers={})[2]["instance"] for _ in range(3)}
    assert len(instances) == 3


@pytest.mark.parametrize(
    "path",
    ["/%ff", "/predict%00", "/..%2f..%2fetc/passwd", "/predict/../health", "//", "/*", "/%2Fhealth"],
)
def test_odd_paths_are_not_found(api: ServedApi, path: str) -> None:
    assert call(api, path, headers={})[0] == 404


def test_headers_over_ten_kibibytes_are_refused(api: ServedApi) -> None:
    status, _, problem = call(api, "/health", headers={"X-Long": "x" * 10_300})
    assert (status, problem["type"]) == (431, "urn:churn:problem:headers-too-large")


def test_an_aborted_request_does_not_affect_the_next_one(api: ServedApi) -> None:
    host, port = urlsplit(api.address).hostname, urlsplit(api.address).port
    for start in (
        b"POST /predict HTTP/1.1\r\n",
        b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{",
    ):
        with socket.create_connection((host, port), timeout=5) as connection:
            connection.sendall(start)
    assert call(api, "/health", headers={})[0] == 200


def serve(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "churn_core.cli", "serve", *map(str, words)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_ctrl_c_stops_the_server_without_a_traceback(sample_bundle: Path) -> None:
    with ServedApi(sample_bundle) as api:
        assert call(api, "/health", headers={})[0] == 200
        exit_code, output = api.stop(), api.output
    assert exit_code == 130
    assert "Traceback" not in output


@pytest.mark.parametrize("stop_signal", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a53_the_server_stops_while_a_body_is_unfinished(
    sample_bundle: Path, stop_signal: signal.Signals
) -> None:
    with ServedApi(sample_bundle) as api:
        address = urlsplit(api.address)
        with socket.create_connection((address.hostname, address.port), timeout=30) as connection:
            connection.sendall(
                b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                b"Content-Length: 500\r\n\r\n{"
            )
            time.sleep(0.5)
            os.kill(api.pid, stop_signal)
            wait_for(lambda: not api.is_running, no_progress_seconds=20)
            assert b" 503 " in connection.recv(65_536)
        output = api.output
    assert "Traceback" not in output


def test_a53_a_hang_up_stops_the_server_while_a_client_does_not_read(sample_bundle: Path) -> None:
    with ServedApi(sample_bundle) as api:
        address = urlsplit(api.address)
        with socket.create_connection((address.hostname, address.port), timeout=1) as connection:
            with suppress(TimeoutError):
                connection.sendall(b"GET /docs HTTP/1.1\r\nHost: localhost\r\n\r\n" * 20_000)
            time.sleep(2)
            os.kill(api.pid, signal.SIGHUP)
            wait_for(lambda: not api.is_running, no_progress_seconds=20)
        output = api.output
    assert "Traceback" not in output
    assert "Cancel" not in output


def test_a55_other_hosts_are_refused_unless_they_are_allowed(sample_bundle: Path) -> None:
    with ServedApi(
        sample_bundle, ("--port", "0", "--allowed-host", "Churn.test", "--allowed-host", "b")
    ) as api:
        port = urlsplit(api.address).port
        for host, expected in ((f"churn.test:{port}", 200), ("b", 200), ("evil.test", 421)):
            for path in ("/health", "/openapi.json"):
                status, headers, content = call(api, path, headers={"Host": host})
                assert status == expected
        assert headers["content-type"] == "application/problem+json"
        assert content["type"] == "urn:churn:problem:unknown-host"


def test_a54_malformed_http_is_answered_with_a_problem(api: ServedApi) -> None:
    address = urlsplit(api.address)
    with socket.create_connection((address.hostname, address.port), timeout=30) as connection:
        connection.sendall(b"NONSENSE\r\n\r\n")
        received = connection.recv(65_536)
    assert b" 400 Bad Request" in received
    assert b"application/problem+json" in received


def test_the_server_does_not_start_without_a_model(tmp_path: Path) -> None:
    result = serve("--model", tmp_path / "none", "--port", 0)
    assert (result.returncode, result.stdout) == (1, "")
    assert "churn train" in result.stderr


def test_a_port_in_use_is_reported_in_one_line(sample_bundle: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        result = serve("--model", sample_bundle, "--port", taken.getsockname()[1])
    assert result.returncode == 1
    assert "--port" in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("port", ["-1", "65536", "http"])
def test_an_invalid_port_is_a_usage_error(port: str) -> None:
    assert serve("--port", port).returncode == 2


def test_the_port_of_the_configuration_is_used(sample_bundle: Path, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    default = (Path(__file__).resolve().parents[3] / "config" / "config.yaml").read_text(encoding="utf-8")
    config = tmp_path / "config.yaml"
    config.write_text(default.replace("port: 8000", f"port: {port}"), encoding="utf-8")
    with ServedApi(sample_bundle, arguments=("--config", str(config))) as api:
        assert api.address == f"http://127.0.0.1:{port}"
        assert call(api, "/health", headers={})[0] == 200

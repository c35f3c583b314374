"""The functions handle every payload of events/ in containers, through SAM's local commands."""

from __future__ import annotations

import io
import json
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from churn_core.scoring.bundle import load_bundle
from churn_core.scoring.predictor import ChurnPredictor
from infra.containers.prepare import PREPARED
from infra.local.aws.emulator import FunctionUnderEmulator
from infra.local.aws.moto_server import moto_server
from infra.local.template_settings import TemplateSettings
from infra.local.tools import REPOSITORY, LambdaTools
from tests.containers.sam_local import CREDENTIALS, INPUT_BUCKET, OUTPUT_BUCKET, REGION, SamLocal, SamServer
from tests.proof_figures import record_figure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.containers.docker_engine import DockerEngine

EVENTS: Final = REPOSITORY / "events"
_ROW: Final = re.compile(r"^\| (\S+) \| .* \| ([^|]+) \|$", re.MULTILINE)
EXPECTED: Final = {
    name: said
    for name, said in _ROW.findall((EVENTS / "README.md").read_text(encoding="utf-8"))
    if (EVENTS / f"{name}.json").exists()
}
"""The listed result of each payload: a status code, or the outcomes of its objects."""

API_EVENTS: Final = sorted(name for name, said in EXPECTED.items() if said.isdigit())
BATCH_EVENTS: Final = sorted(set(EXPECTED) - set(API_EVENTS))


def read_event(name: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8"))
    return event


def test_every_payload_is_in_the_list() -> None:
    assert set(EXPECTED) == {path.stem for path in EVENTS.glob("*.json")}
    assert len(API_EVENTS) > 10
    assert len(BATCH_EVENTS) > 5


@dataclass(frozen=True)
class Drops:
    """The buckets that the payloads name, with the objects that they name."""

    s3: Any
    file: bytes

    def put_objects_of(self, event: dict[str, Any]) -> dict[str, Any]:
        """Upload the objects that an event names; return the event with their versions and sizes."""
        for record in event["Records"]:
            try:
                body = json.loads(record["body"])
            except ValueError:
                continue
            for described in _objects(body):
                stored = self.s3.put_object(Bucket=INPUT_BUCKET, Key=described["key"], Body=self.file)
                described["object"] |= {
                    described["version"]: stored["VersionId"],
                    "size": len(self.file),
                }
            record["body"] = json.dumps(body)
        return event

    def scores(self) -> list[bytes]:
        """Return the contents of all scored files."""
        listed = self.s3.list_objects_v2(Bucket=OUTPUT_BUCKET, Prefix="scored/").get("Contents", [])
        return [self.s3.get_object(Bucket=OUTPUT_BUCKET, Key=one["Key"])["Body"].read() for one in listed]


def _objects(body: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a message's objects in both formats: description, key, name of the version's member."""
    if "detail" in body:
        found = body["detail"]["object"]
        return [{"object": found, "key": found["key"], "version": "version-id"}]
    return [
        {
            "object": one["s3"]["object"],
            "key": urllib.parse.unquote_plus(one["s3"]["object"]["key"]),
            "version": "versionId",
        }
        for one in body.get("Records", [])
    ]


@pytest.fixture(scope="module")
def golden(sample_bundle: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = load_bundle(sample_bundle).manifest["golden_rows"]
    return rows


@pytest.fixture(scope="module")
def endpoint_url(engine: DockerEngine) -> Iterator[str]:
    with moto_server(engine.gateway) as address:
        yield address


@pytest.fixture(scope="module")
def drops(endpoint_url: str, golden: list[dict[str, Any]]) -> Drops:
    s3 = boto3.client(
        "s3",
        endpoint_url=endpoint_url,
        region_name=REGION,
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
    )
    for bucket in (INPUT_BUCKET, OUTPUT_BUCKET):
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    file = io.BytesIO()
    rows = [{"customerID": f"C{number}"} | row["record"] for number, row in enumerate(golden)]
    pq.write_table(pa.Table.from_pylist(rows), file)
    return Drops(s3, file.getvalue())


@pytest.fixture(scope="module")
def sam(
    container_tools: LambdaTools,
    engine: DockerEngine,
    context: Path,
    endpoint_url: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> SamLocal:
    template = context / PREPARED / "functions" / "template.yaml"
    return SamLocal(container_tools, engine, template, endpoint_url, tmp_path_factory.mktemp("sam"))


@pytest.fixture(scope="module")
def start_lambda(sam: SamLocal) -> Iterator[SamServer]:
    with SamServer(sam, "start-lambda") as server:
        yield server


@pytest.fixture(scope="module")
def emulated(context: Path, container_tools: LambdaTools) -> Iterator[FunctionUnderEmulator]:
    """The same build of the score function, outside a container."""
    settings = TemplateSettings().function("ScoreFunction")
    folder = context / PREPARED / "functions" / "ScoreFunction"
    with FunctionUnderEmulator(folder, settings.handler, settings.environment, container_tools) as function:
        yield function


def call(server: SamServer, function: str, event: dict[str, Any]) -> Any:
    answer = server.client().invoke(FunctionName=function, Payload=json.dumps(event))
    assert "FunctionError" not in answer, answer
    return json.load(answer["Payload"])


def test_api_payloads_get_the_same_answers_inside_and_outside_a_container(
    start_lambda: SamServer, emulated: FunctionUnderEmulator
) -> None:
    started = time.monotonic()
    answers = {name: call(start_lambda, "ScoreFunction", read_event(name)) for name in API_EVENTS}
    seconds = time.monotonic() - started

    assert answers == {name: emulated.invoke(read_event(name)) for name in API_EVENTS}
    assert {name: str(answer["statusCode"]) for name, answer in answers.items()} == {
        name: EXPECTED[name] for name in API_EVENTS
    }
    record_figure(
        "Payloads of API Gateway that the score function answers in a container (sam local start-lambda) "
        "exactly as without one",
        f"{len(answers)} in {seconds:.0f} s",
    )


def test_queue_messages_have_the_listed_outcomes_in_a_container(
    start_lambda: SamServer, drops: Drops, golden: list[dict[str, Any]]
) -> None:
    became = {}
    before = len(drops.scores())
    for name in BATCH_EVENTS:
        log_before = len(start_lambda.output)
        answer = call(start_lambda, "BatchFunction", drops.put_objects_of(read_event(name)))
        assert answer == {"batchItemFailures": []}, start_lambda.output
        became[name] = ", ".join(outcomes(start_lambda, log_before))

    assert became == {name: EXPECTED[name] for name in BATCH_EVENTS}
    outputs = drops.scores()
    assert len(outputs) - before == " ".join(became.values()).count("scored") == 4
    for output in outputs:
        scores = pq.read_table(pa.BufferReader(output))["churn_probability"].to_pylist()
        assert scores == [row["churn_probability"] for row in golden]
    record_figure(
        "Messages of the queue that become in a container what events/README.md says, their objects scored "
        "as by the library",
        f"{len(became)} messages, {len(outputs) - before} objects",
    )


def outcomes(server: SamServer, start: int, patience_seconds: float = 300) -> list[str]:
    """Return the outcomes in the log from a position on; SAM writes them with a delay."""
    deadline = time.monotonic() + patience_seconds
    while time.monotonic() < deadline:
        lines = server.output[start:].splitlines()
        if any(line.startswith("REPORT RequestId") for line in lines):
            fields = [json.loads(line) for line in lines if line.startswith("{")]
            return [line["message"] for line in fields if "action" in line]
        time.sleep(0.1)
    raise AssertionError(server.output[start:])


@pytest.mark.parametrize("name", ["predict", "bad-json"])
def test_sam_local_invoke_answers_a_payload_of_the_api(
    sam: SamLocal, emulated: FunctionUnderEmulator, name: str
) -> None:
    started = time.monotonic()
    answer = sam.invoke("ScoreFunction", EVENTS / f"{name}.json")

    assert answer == emulated.invoke(read_event(name))
    assert str(answer["statusCode"]) == EXPECTED[name]
    record_figure(
        f"Seconds of 'sam local invoke ScoreFunction' ({name})", f"{time.monotonic() - started:.0f}"
    )


@pytest.mark.parametrize("name", ["batch-object-created", "bad-batch-no-json"])
def test_sam_local_invoke_handles_a_message_of_the_queue(
    sam: SamLocal, drops: Drops, tmp_path: Path, name: str
) -> None:
    before = len(drops.scores())
    event = tmp_path / "event.json"
    event.write_text(json.dumps(drops.put_objects_of(read_event(name))), encoding="utf-8")

    assert sam.invoke("BatchFunction", event) == {"batchItemFailures": []}

    assert len(drops.scores()) - before == (EXPECTED[name] == "scored")


@pytest.fixture(scope="module")
def start_api(sam: SamLocal) -> Iterator[SamServer]:
    with SamServer(sam, "start-api") as server:
        yield server


def request(server: SamServer, method: str, path: str, body: bytes | None = None) -> tuple[int, Any]:
    asked = urllib.request.Request(
        server.address + path, body, {"Content-Type": "application/json"}, method=method
    )
    try:
        with urllib.request.urlopen(asked, timeout=120) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_sam_local_start_api_serves_the_api_over_http(start_api: SamServer, sample_bundle: Path) -> None:
    predictor = ChurnPredictor.load(sample_bundle)
    customer = json.loads(read_event("predict")["body"])
    two = json.loads(read_event("predict-batch")["body"])

    assert request(start_api, "POST", "/predict", json.dumps(customer).encode()) == (
        200,
        predictor.predict(customer),
    )
    status, answer = request(start_api, "POST", "/predict/batch", json.dumps(two).encode())
    assert (status, answer["predictions"]) == (200, predictor.predict(two["customers"]))
    assert request(start_api, "GET", "/health") == (
        200,
        {"status": "ok", "model_version": load_bundle(sample_bundle).model_version},
    )
    status, problem = request(start_api, "POST", "/predict", b'{"tenure": ')
    assert (status, problem["type"]) == (400, "urn:churn:problem:malformed-json")
    # SAM answers this itself and ignores the template's gateway responses.
    assert request(start_api, "GET", "/no-such-path")[0] == 403

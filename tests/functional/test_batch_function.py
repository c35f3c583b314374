"""The batch function against S3 over HTTP: what it writes, and that it writes nothing else."""

from __future__ import annotations

import hashlib
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from customer_files import CANARY
from moto.server import ThreadedMotoServer

from churn_core.scoring.bundle import Bundle, load_bundle
from functions.batch import app

if TYPE_CHECKING:
    from collections.abc import Iterator

EVENT: Final = Path(__file__).resolve().parents[2] / "events" / "batch-object-created.json"
INPUT: Final = "churn-test-input"
OUTPUT: Final = "churn-test-output"
# EventBridge hands on the raw key; decoding it would look for another object.
KEY: Final = "incoming/customers 2026+01 100%25.parquet"


@dataclass
class Context:
    """What Lambda tells a handler about its invocation."""

    function_name: str = "batch"
    memory_limit_in_mb: int = 2048
    invoked_function_arn: str = "arn:aws:lambda:eu-west-1:123456789012:function:batch"
    aws_request_id: str = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3(endpoint: str, sample_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Both buckets, empty, and an environment in which the function knows nothing yet."""
    work = tmp_path / "tmp"
    work.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(work))
    environment = {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "CHURN_MODEL_DIR": str(sample_bundle),
        "CHURN_INPUT_BUCKET": INPUT,
        "CHURN_OUTPUT_BUCKET": OUTPUT,
        "CHURN_MAX_OBJECT_BYTES": "100000",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    app.prepared_job.cache_clear()
    client = boto3.client("s3")
    for bucket in (INPUT, OUTPUT):
        client.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    yield client
    app.prepared_job.cache_clear()
    for bucket in (INPUT, OUTPUT):
        for version in client.list_object_versions(Bucket=bucket).get("Versions", []):
            client.delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])
        client.delete_bucket(Bucket=bucket)
    assert list(work.iterdir()) == [], "work files were left behind"


@pytest.fixture(scope="module")
def bundle(sample_bundle: Path) -> Bundle:
    return load_bundle(sample_bundle)


@pytest.fixture(scope="module")
def customers(bundle: Bundle) -> bytes:
    """The bundle's golden rows, whose scores are in its manifest, as a Parquet file."""
    identifier = bundle.contract.id_column
    assert identifier is not None
    rows = [
        {identifier: f"C{number}"} | golden["record"]
        for number, golden in enumerate(bundle.manifest["golden_rows"])
    ]
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(rows), sink)
    return sink.getvalue().to_pybytes()


def put(s3: Any, body: bytes, key: str = KEY) -> dict[str, Any]:
    """Put an object and return the queue's message about it."""
    answer = s3.put_object(Bucket=INPUT, Key=key, Body=body)
    return message(key, len(body), answer["ETag"].strip('"'), answer["VersionId"])


def message(key: str, size: int, etag: str, version: str, bucket: str = INPUT) -> dict[str, Any]:
    record: dict[str, Any] = json.loads(EVENT.read_text(encoding="utf-8"))["Records"][0]
    body = json.loads(record["body"])
    body["detail"]["bucket"]["name"] = bucket
    body["detail"]["object"] |= {"key": key, "size": size, "etag": etag, "version-id": version}
    return record | {"body": json.dumps(body), "messageId": f"message-of-{key}"}


def invoke(*records: dict[str, Any]) -> list[str]:
    """Deliver messages and return the ids of those to be delivered again."""
    answer = app.lambda_handler({"Records": list(records)}, Context())  # type: ignore[arg-type]
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def input_id(record: dict[str, Any]) -> str:
    described = json.loads(record["body"])["detail"]
    parts = (described["bucket"]["name"], described["object"]["key"], described["object"]["version-id"])
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def output_versions(s3: Any) -> list[str]:
    return [version["Key"] for version in s3.list_object_versions(Bucket=OUTPUT).get("Versions", [])]


def quarantine_record(s3: Any, record: dict[str, Any]) -> dict[str, Any]:
    answer = s3.get_object(Bucket=OUTPUT, Key=f"quarantine/{input_id(record)}.json")
    content: dict[str, Any] = json.loads(answer["Body"].read())
    return content


def test_object_becomes_its_scores(s3: Any, bundle: Bundle, customers: bytes) -> None:
    record = put(s3, customers)

    assert invoke(record) == []

    key = f"scored/model={bundle.model_digest[:12]}/{input_id(record)}.parquet"
    assert output_versions(s3) == [key]
    table = pq.read_table(pa.BufferReader(s3.get_object(Bucket=OUTPUT, Key=key)["Body"].read()))
    golden = bundle.manifest["golden_rows"]
    assert table["row_number"].to_pylist() == list(range(len(golden)))
    assert table["churn_probability"].to_pylist() == [row["churn_probability"] for row in golden]
    assert table["will_churn"].to_pylist() == [row["will_churn"] for row in golden]
    assert set(table["model_version"].to_pylist()) == {bundle.model_version}


def test_drift_is_logged_by_column_names(s3: Any, customers: bytes, caplog: pytest.LogCaptureFixture) -> None:
    table = pq.read_table(pa.BufferReader(customers))
    contracts = table.schema.get_field_index("Contract")
    alike = table.take([0] * 500).set_column(contracts, "Contract", pa.array([CANARY] * 500))
    sink = pa.BufferOutputStream()
    pq.write_table(alike, sink)

    assert invoke(put(s3, sink.getvalue().to_pybytes())) == []

    (line,) = [record for record in caplog.records if record.getMessage() == "Scored"]
    assert vars(line)["drift"] == "major"
    assert "Contract" in vars(line)["moved"]
    assert CANARY not in str(vars(line))


def test_duplicate_delivery_changes_nothing(s3: Any, customers: bytes) -> None:
    record = put(s3, customers)

    assert invoke(record) == []
    assert invoke(record, record) == []

    assert len(output_versions(s3)) == 1


def test_new_version_of_an_object_is_a_new_input(s3: Any, customers: bytes) -> None:
    first, second = put(s3, customers), put(s3, customers)

    assert invoke(first, second) == []

    assert len(set(output_versions(s3))) == 2


def test_garbage_is_quarantined_once(s3: Any, bundle: Bundle) -> None:
    garbage = b"no parquet, but customers' data all the same"
    record = put(s3, garbage)

    assert invoke(record) == []
    assert invoke(record) == []

    assert output_versions(s3) == [f"quarantine/{input_id(record)}.json"]
    described = json.loads(record["body"])["detail"]["object"]
    assert quarantine_record(s3, record) == {
        "code": "not-parquet",
        "bucket": INPUT,
        "key": KEY,
        "versionId": described["version-id"],
        "etag": described["etag"],
        "size": len(garbage),
        "model_digest": bundle.model_digest,
    }


@pytest.mark.parametrize(("excess", "folder"), [(0, "scored"), (1, "quarantine")])
def test_size_limit_is_inclusive(
    s3: Any, customers: bytes, monkeypatch: pytest.MonkeyPatch, excess: int, folder: str
) -> None:
    monkeypatch.setenv("CHURN_MAX_OBJECT_BYTES", str(len(customers) - excess))
    record = put(s3, customers)

    assert invoke(record) == []

    (key,) = output_versions(s3)
    assert key.split("/")[0] == folder
    if excess:
        assert quarantine_record(s3, record)["code"] == "too-large"


def test_deleted_version_is_gone(s3: Any, customers: bytes) -> None:
    record = put(s3, customers)
    version = json.loads(record["body"])["detail"]["object"]["version-id"]
    s3.delete_object(Bucket=INPUT, Key=KEY, VersionId=version)

    assert invoke(record) == []

    assert quarantine_record(s3, record)["code"] == "gone"


@pytest.mark.parametrize(
    ("bucket", "key"), [(OUTPUT, "incoming/x.parquet"), (INPUT, "scored/x.parquet"), (INPUT, "incoming")]
)
def test_object_of_another_place_is_refused(s3: Any, customers: bytes, bucket: str, key: str) -> None:
    good, foreign = put(s3, customers), message(key, 1, "e", "v", bucket)

    assert invoke(foreign, good) == [foreign["messageId"]]

    assert [name.split("/")[0] for name in output_versions(s3)] == ["scored"]


@pytest.mark.parametrize("body", ["", "[]", "null", '{"Event": "s3:TestEvent"}', '{"source": "aws.s3"}'])
def test_message_that_is_no_event_is_refused(s3: Any, body: str) -> None:
    assert invoke({"messageId": "m", "body": body}) == ["m"]
    assert output_versions(s3) == []


def test_outage_is_left_to_the_queue(
    s3: Any, customers: bytes, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    record = put(s3, customers)
    monkeypatch.setenv("CHURN_OUTPUT_BUCKET", "no-such-bucket")

    assert invoke(record) == [record["messageId"]]

    reasons = [getattr(line, "reason", None) for line in caplog.records]
    assert "S3 answered NoSuchBucket to PutObject." in reasons
    assert output_versions(s3) == []


def test_missing_model_is_left_to_the_queue(
    s3: Any, customers: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    record = put(s3, customers)
    monkeypatch.setenv("CHURN_MODEL_DIR", str(tmp_path / "none"))

    assert invoke(record) == [record["messageId"]]

    assert output_versions(s3) == []

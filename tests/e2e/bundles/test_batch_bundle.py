"""The batch function's bundle scores an object, under the emulator and with S3 over HTTP."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any, Final

import boto3
import pyarrow as pa
import pyarrow.parquet as pq

from churn_core.scoring.bundle import load_bundle
from infra.local.aws.emulator import FunctionUnderEmulator
from infra.local.aws.moto_server import moto_server
from infra.local.template_settings import TemplateSettings
from infra.local.tools import REPOSITORY, LambdaTools

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HANDLER: Final = TemplateSettings().function("BatchFunction").handler


def test_an_object_is_scored_once(
    built_function: Callable[[str, str], Path], lambda_tools: LambdaTools, sample_bundle: Path
) -> None:
    folder = built_function("BatchFunction", lambda_tools.architecture)
    golden = load_bundle(sample_bundle).manifest["golden_rows"]
    file = io.BytesIO()
    rows = [{"customerID": f"C{number}"} | row["record"] for number, row in enumerate(golden)]
    pq.write_table(pa.Table.from_pylist(rows), file)
    event: dict[str, Any] = json.loads(
        (REPOSITORY / "events" / "batch-object-created.json").read_text(encoding="utf-8")
    )
    body = json.loads(event["Records"][0]["body"])
    input_bucket, output_bucket = body["detail"]["bucket"]["name"], "churn-e2e-output"
    credentials = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}

    with moto_server() as endpoint:
        s3 = boto3.client(
            "s3",
            endpoint_url=endpoint,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        s3.create_bucket(Bucket=input_bucket)
        s3.create_bucket(Bucket=output_bucket)
        s3.put_bucket_versioning(Bucket=input_bucket, VersioningConfiguration={"Status": "Enabled"})
        described = body["detail"]["object"]
        stored = s3.put_object(Bucket=input_bucket, Key=described["key"], Body=file.getvalue())
        described |= {"version-id": stored["VersionId"], "size": file.tell()}
        event["Records"][0]["body"] = json.dumps(body)
        environment = credentials | {
            "AWS_ENDPOINT_URL": endpoint,
            "CHURN_INPUT_BUCKET": input_bucket,
            "CHURN_OUTPUT_BUCKET": output_bucket,
        }

        with FunctionUnderEmulator(folder, HANDLER, environment, lambda_tools, memory_mb=2048) as function:
            answers = [function.invoke(event), function.invoke(event)]
            log = function.log

        assert answers == [{"batchItemFailures": []}] * 2, log
        (output,) = s3.list_objects_v2(Bucket=output_bucket)["Contents"]
        content = s3.get_object(Bucket=output_bucket, Key=output["Key"])["Body"].read()

    scores = pq.read_table(pa.BufferReader(content))["churn_probability"].to_pylist()
    assert scores == [row["churn_probability"] for row in golden]

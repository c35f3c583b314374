"""The local S3, SQS and EventBridge have the settings of the template."""

from __future__ import annotations

import json
import os
import socket
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

import pytest

from churn_core.errors import ConfigError
from infra.local.aws.local_cloud import LocalCloud, forget_aws_settings, mapping_settings
from infra.local.template_settings import TemplateSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.local.aws.event_source_mapping import MappingSettings

TEMPLATE = TemplateSettings()


def declared_mapping(cloud: LocalCloud, workers: int = 1) -> MappingSettings:
    return mapping_settings(TEMPLATE, cloud.client("sqs"), workers)


@pytest.fixture
def cloud() -> Iterator[LocalCloud]:
    with LocalCloud(TEMPLATE) as running:
        yield running


def received(cloud: LocalCloud) -> list[dict[str, Any]]:
    """Return the bodies of the messages in the queue; wait up to a second for the first."""
    found = cloud.client("sqs").receive_message(
        QueueUrl=declared_mapping(cloud).queue_url,
        MaxNumberOfMessages=10,
        WaitTimeSeconds=1,
    )
    return [json.loads(message["Body"]) for message in found.get("Messages", [])]


def test_an_uploaded_file_becomes_a_message_if_the_rule_s_pattern_matches(cloud: LocalCloud) -> None:
    s3 = cloud.client("s3")
    stored = s3.put_object(Bucket=cloud.input_bucket, Key="incoming/a b.parquet", Body=b"PAR1")
    s3.put_object(Bucket=cloud.input_bucket, Key="elsewhere/c.parquet", Body=b"PAR1")
    s3.put_object(Bucket=cloud.output_bucket, Key="incoming/d.parquet", Body=b"PAR1")
    (message,) = received(cloud)
    assert message["detail"]["object"]["key"] == "incoming/a b.parquet"
    assert message["detail"]["object"]["version-id"] == stored["VersionId"]


def answered(
    cloud: LocalCloud, method: str, path: str, headers: dict[str, str]
) -> tuple[int, dict[str, str]]:
    """Return the status and the headers of an answer."""
    connection = HTTPConnection(cloud.address.removeprefix("http://"), timeout=30)
    try:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders())
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Host": "evil.example"}, 421),
        ({"Host": "evil.example:8201"}, 421),
        ({"Host": "localhost.evil.example"}, 421),
    ],
)
def test_a55_a_web_page_gets_no_answer_from_the_local_s3(
    cloud: LocalCloud, headers: dict[str, str], status: int
) -> None:
    s3 = cloud.client("s3")
    s3.put_object(Bucket=cloud.output_bucket, Key="scored/x", Body=b"scores")
    file = f"/{cloud.output_bucket}/scored/x"
    queue = "/?Action=ListQueues&Version=2012-11-05"
    for method in ("GET", "PUT", "DELETE", "OPTIONS", "POST"):
        for path in (file, f"/{cloud.output_bucket}?list-type=2", "/moto-api/config", queue):
            found, sent = answered(cloud, method, path, headers)
            assert found == status
            assert not [name for name in sent if name.lower().startswith("access-control")]
    assert s3.get_object(Bucket=cloud.output_bucket, Key="scored/x")["Body"].read() == b"scores"


@pytest.mark.parametrize("host", ["localhost", "localhost:8201", "127.0.0.1", "{bucket}.localhost:8201"])
def test_a55_a_program_is_answered_under_each_local_name(cloud: LocalCloud, host: str) -> None:
    headers = {"Host": host.format(bucket=cloud.output_bucket)}
    assert answered(cloud, "GET", "/?list-type=2", headers)[0] == 200


def test_a_file_can_be_uploaded_without_boto3(cloud: LocalCloud) -> None:
    address = f"{cloud.address}/{cloud.input_bucket}/incoming/e.parquet"
    # By default urllib sends the content type of a form.
    type_of_file = {"Content-Type": "application/octet-stream"}
    urlopen(Request(address, b"PAR1", type_of_file, method="PUT")).close()
    assert [message["detail"]["object"]["size"] for message in received(cloud)] == [4]
    with urlopen(address) as found:
        assert found.read() == b"PAR1"


@pytest.mark.parametrize("resource", ["InputQueue", "DeadLetterQueue"])
def test_queues_have_the_template_s_timeouts(cloud: LocalCloud, resource: str) -> None:
    declared = TEMPLATE.properties(resource)
    sqs = cloud.client("sqs")
    url = sqs.get_queue_url(QueueName=declared["QueueName"])["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert attributes["MessageRetentionPeriod"] == str(declared["MessageRetentionPeriod"])
    assert attributes["VisibilityTimeout"] == str(declared.get("VisibilityTimeout", 30))
    if "RedrivePolicy" in declared:
        redrive = json.loads(attributes["RedrivePolicy"])
        assert redrive["maxReceiveCount"] == declared["RedrivePolicy"]["maxReceiveCount"]
        assert redrive["deadLetterTargetArn"].endswith(":churn-local-inputs-dead")


def test_the_mapping_has_the_template_s_settings_and_at_most_its_concurrency(cloud: LocalCloud) -> None:
    declared = TEMPLATE.properties("BatchFunction")["Events"]["Inputs"]["Properties"]
    allowed = declared["ScalingConfig"]["MaximumConcurrency"]
    found = declared_mapping(cloud, workers=10**6)
    assert (found.concurrency, declared_mapping(cloud).concurrency) == (
        allowed,
        1,
    )
    assert found.batch_size == declared["BatchSize"]
    assert found.reports_failures
    assert found.retry_seconds is None


def test_the_next_local_cloud_is_empty() -> None:
    with LocalCloud(TEMPLATE) as first:
        first.client("s3").put_object(Bucket=first.input_bucket, Key="incoming/f.parquet", Body=b"PAR1")
    with LocalCloud(TEMPLATE) as second:
        listed = second.client("s3").list_objects_v2(Bucket=second.input_bucket)
        assert (listed["KeyCount"], received(second)) == (0, [])


def test_a_port_that_is_taken_is_refused_with_advice() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(ConfigError, match="AWS_PORT"):
        LocalCloud(TEMPLATE, other.getsockname()[1]).__enter__()


def test_the_user_s_proxies_and_aws_settings_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as settings:
        for name in ("HTTP_PROXY", "http_proxy", "AWS_ENDPOINT_URL_S3"):
            settings.setenv(name, "http://127.0.0.1:9")
        settings.setenv("AWS_PROFILE", "nobody")
        # Set here, so that monkeypatch restores them at the end.
        for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
            settings.setenv(name, "/nowhere")
        before = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
        try:
            forget_aws_settings()
            with LocalCloud(TEMPLATE) as cloud:
                assert cloud.client("s3").list_objects_v2(Bucket=cloud.input_bucket)["KeyCount"] == 0
        finally:
            os.environ |= before

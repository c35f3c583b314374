"""moto's IAM, with the template's policies, allows each role its own calls and denies the others'.

moto decides by action and resource. It supports few conditions, so the conditions of Allow statements are
left out here; checks_roles.py compares them with the expected ones.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, Final

import boto3
import moto.core.authorization
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.iam.access_control import IAMPolicy, PermissionResult

from functions.shared.objects import InputObject
from functions.shared.outcomes import NotScoredError, Outcome
from functions.shared.storage import Storage
from tests.infra.deployed_stack import ACCOUNT, REGION, DeployedStack

KEY: Final = "incoming/customers.parquet"
CONTENT: Final = b"PAR1"


class World:
    """Both buckets, both queues, another bucket, and an IAM that can be switched on."""

    def __init__(self, stack: DeployedStack, monkeypatch: pytest.MonkeyPatch) -> None:
        self.stack = stack
        self.input = stack.properties("InputBucket")["BucketName"]
        self.output = stack.properties("OutputBucket")["BucketName"]
        self.other = "somebody-elses"
        # moto checks permissions after this number of calls; none are checked during the set-up.
        self._check_permissions_after: Callable[[float], None] = lambda after: monkeypatch.setattr(
            moto.settings, "INITIAL_NO_AUTH_ACTION_COUNT", after
        )
        self._check_permissions_after(float("inf"))
        s3, sqs = self._client("s3"), self._client("sqs")
        for bucket in (self.input, self.output, self.other):
            s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
            s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        for bucket, key in ((self.input, KEY), (self.input, "private/x"), (self.other, KEY)):
            self.version = s3.put_object(Bucket=bucket, Key=key, Body=CONTENT).get("VersionId")
        self.version = s3.head_object(Bucket=self.input, Key=KEY)["VersionId"]
        self.etag = s3.head_object(Bucket=self.input, Key=KEY)["ETag"].strip('"')
        self.queues = {
            name: sqs.create_queue(QueueName=stack.properties(name)["QueueName"])["QueueUrl"]
            for name in ("InputQueue", "DeadLetterQueue")
        }
        sqs.send_message(QueueUrl=self.queues["InputQueue"], MessageBody="{}")

    def role(self, name: str) -> Callable[[str], Any]:
        """Create a role, and return a function that makes its clients; from now on IAM checks calls."""
        iam = self._client("iam")
        properties = self.stack.properties(name)
        iam.create_role(RoleName=name, AssumeRolePolicyDocument="{}")
        for policy in properties["Policies"]:
            document = {"Version": "2012-10-17", "Statement": unconditional(self.stack, name)}
            iam.put_role_policy(
                RoleName=name, PolicyName=policy["PolicyName"], PolicyDocument=json.dumps(document)
            )
        credentials = self._client("sts").assume_role(
            RoleArn=f"arn:aws:iam::{ACCOUNT}:role/{name}", RoleSessionName="at-work"
        )["Credentials"]
        self._check_permissions_after(0)
        return lambda service: boto3.client(
            service,
            region_name=REGION,
            aws_access_key_id=credentials["AccessKeyId"],
            aws_secret_access_key=credentials["SecretAccessKey"],
            aws_session_token=credentials["SessionToken"],
        )

    def _client(self, service: str) -> Any:
        return boto3.client(
            service, region_name=REGION, aws_access_key_id="admin", aws_secret_access_key="admin"
        )


def unconditional(stack: DeployedStack, role: str) -> list[dict[str, Any]]:
    """Return a role's statements without their conditions."""
    return [
        {key: value for key, value in statement.items() if key != "Condition"}
        for statement in stack.statements(role)
    ]


def may(stack: DeployedStack, role: str, action: str, resource: str) -> bool:
    """Return whether moto's IAM permits a role an action on a resource."""
    policy = IAMPolicy(json.dumps({"Version": "2012-10-17", "Statement": unconditional(stack, role)}))
    return policy.is_action_permitted(action, resource) is PermissionResult.PERMITTED


@pytest.fixture
def world(stack: DeployedStack, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with mock_aws():
        yield World(stack, monkeypatch)


def denied(call: Callable[..., Any], **arguments: Any) -> None:
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    assert refused.value.response["Error"]["Code"] in ("AccessDenied", "AccessDeniedException", "403")


def test_batch_reads_inputs_and_writes_scores_and_records(world: World, tmp_path: Any) -> None:
    s3 = world.role("BatchRole")("s3")
    storage, path = Storage(s3), tmp_path / "in"
    source = InputObject(world.input, KEY, world.version, world.etag, len(CONTENT))
    # On AWS, HEAD needs the same permission as GET. moto uses another name for it, so only GET is tried.
    storage.download(source, path, len(CONTENT), lambda: 1.0)
    assert path.read_bytes() == CONTENT
    assert storage.create(world.output, "scored/model=0a/one.parquet", CONTENT, "application/json")
    assert storage.create(world.output, "quarantine/one.json", b"{}", "application/json")
    before = storage.read(world.output, "quarantine/one.json")
    assert before is not None
    assert before.content == b"{}"
    storage.replace(world.output, "quarantine/one.json", b'{"a": 1}', "application/json", before.etag)


def test_batch_writes_nowhere_else(world: World) -> None:
    storage = Storage(world.role("BatchRole")("s3"))
    for bucket, key in (
        *((world.output, "one.parquet"), (world.output, "incoming/one.parquet"), (world.output, "scoredx")),
        *((world.input, KEY), (world.input, "scored/one.parquet"), (world.other, "scored/one.parquet")),
    ):
        with pytest.raises(NotScoredError) as refused:
            storage.create(bucket, key, CONTENT, "application/json")
        assert refused.value.outcome is Outcome.ACCESS_DENIED, (bucket, key)


def test_batch_reads_nothing_else(world: World) -> None:
    s3 = world.role("BatchRole")("s3")
    for bucket, key in ((world.input, "private/x"), (world.other, KEY)):
        denied(s3.get_object, Bucket=bucket, Key=key)
    for bucket in (world.output, world.other):
        denied(s3.list_objects_v2, Bucket=bucket, Prefix="incoming/")


def test_batch_may_not_delete_or_publish(world: World) -> None:
    s3 = world.role("BatchRole")("s3")
    for bucket, key in ((world.input, KEY), (world.output, "scored/one.parquet")):
        denied(s3.delete_object, Bucket=bucket, Key=key)
        denied(s3.put_object_acl, Bucket=bucket, Key=key, ACL="public-read")
        denied(s3.put_object_tagging, Bucket=bucket, Key=key, Tagging={"TagSet": []})
        denied(s3.put_bucket_policy, Bucket=bucket, Policy="{}")
        denied(s3.delete_bucket, Bucket=bucket)
    denied(s3.delete_object, Bucket=world.input, Key=KEY, VersionId=world.version)
    denied(s3.list_buckets)


def test_batch_may_only_receive_from_its_queue(world: World) -> None:
    sqs = world.role("BatchRole")("sqs")
    queue, dead = world.queues["InputQueue"], world.queues["DeadLetterQueue"]
    (message,) = sqs.receive_message(QueueUrl=queue)["Messages"]
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])
    denied(sqs.receive_message, QueueUrl=dead)
    denied(sqs.delete_message, QueueUrl=dead, ReceiptHandle="x")
    for url in (queue, dead):
        denied(sqs.send_message, QueueUrl=url, MessageBody="{}")
        denied(sqs.purge_queue, QueueUrl=url)
        denied(sqs.delete_queue, QueueUrl=url)
        denied(sqs.set_queue_attributes, QueueUrl=url, Attributes={"VisibilityTimeout": "0"})


@pytest.mark.parametrize("role", ["ScoreRole", "PreTrafficRole", "DeploymentRole"])
def test_other_roles_may_not_touch_files_or_messages(world: World, role: str) -> None:
    client = world.role(role)
    denied(client("s3").get_object, Bucket=world.input, Key=KEY)
    denied(client("s3").put_object, Bucket=world.output, Key="scored/one.parquet", Body=CONTENT)
    denied(client("s3").list_objects_v2, Bucket=world.input)
    denied(client("sqs").receive_message, QueueUrl=world.queues["InputQueue"])
    denied(client("sqs").send_message, QueueUrl=world.queues["InputQueue"], MessageBody="{}")


BUS: Final = f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/"
SCORE: Final = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:churn-test-ScoreFunction"
HOOK: Final = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:churn-test-PreTrafficFunction"
GROUPS: Final = f"arn:aws:codedeploy:{REGION}:{ACCOUNT}:deploymentgroup:"
OWN_GROUP: Final = f"{GROUPS}churn-test-ServerlessDeploymentApplication-1A2B3C/group"
LOGS: Final = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/lambda/"
REPORT: Final = "codedeploy:PutLifecycleEventHookExecutionStatus"


@pytest.mark.parametrize(
    ("role", "action", "resource", "allowed"),
    [
        ("BatchRole", "events:PutEvents", f"{BUS}default", True),
        ("BatchRole", "events:PutEvents", f"{BUS}another", False),
        ("BatchRole", "events:PutRule", f"{BUS}default", False),
        ("BatchRole", "lambda:InvokeFunction", SCORE, False),
        ("BatchRole", "logs:PutLogEvents", f"{LOGS}churn-test-batch:log-stream:x", True),
        ("BatchRole", "logs:PutLogEvents", f"{LOGS}churn-test-score:log-stream:x", False),
        ("BatchRole", "logs:DeleteLogGroup", f"{LOGS}churn-test-batch:*", False),
        ("ScoreRole", "logs:PutLogEvents", f"{LOGS}churn-test-score:log-stream:x", True),
        ("ScoreRole", "logs:CreateLogGroup", f"{LOGS}churn-test-score:*", False),
        ("ScoreRole", "events:PutEvents", f"{BUS}default", False),
        ("ScoreRole", "xray:PutTraceSegments", "*", True),
        ("PreTrafficRole", "lambda:InvokeFunction", f"{SCORE}:7", True),
        ("PreTrafficRole", "lambda:InvokeFunction", SCORE, False),
        ("PreTrafficRole", "lambda:InvokeFunction", f"{HOOK}:7", False),
        ("PreTrafficRole", "lambda:UpdateAlias", f"{SCORE}:live", False),
        ("PreTrafficRole", REPORT, OWN_GROUP, True),
        ("PreTrafficRole", REPORT, f"{GROUPS}another/group", False),
        ("DeploymentRole", "lambda:UpdateAlias", f"{SCORE}:live", True),
        ("DeploymentRole", "lambda:UpdateAlias", f"{HOOK}:live", False),
        ("DeploymentRole", "lambda:InvokeFunction", HOOK, True),
        ("DeploymentRole", "lambda:InvokeFunction", SCORE, False),
        ("DeploymentRole", "lambda:UpdateFunctionCode", SCORE, False),
        ("DeploymentRole", "cloudwatch:DescribeAlarms", "*", True),
        ("DeploymentRole", "iam:PassRole", "*", False),
    ],
)
def test_moto_s_iam_decides_on_other_actions(
    stack: DeployedStack, role: str, action: str, resource: str, allowed: bool
) -> None:
    assert may(stack, role, action, resource) is allowed

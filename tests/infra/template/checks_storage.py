"""Checks of the queues and buckets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from functions.shared.objects import INPUT_PREFIX
from tests.infra.template_reader import as_list

if TYPE_CHECKING:
    from tests.infra.deployed_stack import DeployedStack

DAY: Final = 86_400
IN_THE_CLEAR: Final = {"Bool": {"aws:SecureTransport": "false"}}
FEWEST_RECEIVES: Final = 5
FOURTEEN_DAYS: Final = 14 * DAY


def check_only_failed_messages_are_delivered_again(stack: DeployedStack) -> None:
    """B31: without the response type, failed messages would be deleted."""
    for name, mapping in stack.of_type("AWS::Lambda::EventSourceMapping").items():
        assert mapping.get("FunctionResponseTypes") == ["ReportBatchItemFailures"], name
        # After a timeout all messages of a batch would be delivered again.
        assert mapping["BatchSize"] == 1, name
        # A filter would drop the messages that do not match.
        assert "FilterCriteria" not in mapping, name
        assert int(mapping["ScalingConfig"]["MaximumConcurrency"]) >= 2, name
        assert mapping["FunctionName"].endswith(":live"), name


def check_a_message_stays_hidden_while_it_is_handled(stack: DeployedStack) -> None:
    timeout = stack.properties("BatchFunction")["Timeout"]
    hidden = stack.properties("InputQueue")["VisibilityTimeout"]
    assert hidden >= 6 * timeout, f"{hidden} s are less than six times {timeout} s"


def check_a_message_is_tried_often_enough(stack: DeployedStack) -> None:
    redrive = stack.properties("InputQueue")["RedrivePolicy"]
    assert redrive["maxReceiveCount"] >= FEWEST_RECEIVES
    assert redrive["deadLetterTargetArn"] == stack.arn("DeadLetterQueue")


def check_dead_letters_outlive_their_queue(stack: DeployedStack) -> None:
    source, dead = stack.properties("InputQueue"), stack.properties("DeadLetterQueue")
    assert source["MessageRetentionPeriod"] >= 4 * DAY
    # A message's age counts from when it was first sent. The default retention is four days.
    kept = dead.get("MessageRetentionPeriod", 4 * DAY)
    assert kept >= FOURTEEN_DAYS, f"dead letters are kept for {kept} s only"
    assert dead["RedriveAllowPolicy"] == {
        "redrivePermission": "byQueue",
        "sourceQueueArns": [stack.arn("InputQueue")],
    }


def check_queues_are_encrypted(stack: DeployedStack) -> None:
    for name, queue in stack.of_type("AWS::SQS::Queue").items():
        # The queues of undelivered events must work without the user's key.
        own = stack.parameters["KmsKeyArn"] if name in ("InputQueue", "DeadLetterQueue") else ""
        # SQS accepts only one of the two.
        assert queue.get("KmsMasterKeyId", "") == own, name
        assert queue.get("SqsManagedSseEnabled", False) is not bool(own), name
        assert queue.get("MaximumMessageSize", 262_144) >= 65_536, name


def check_only_the_rule_may_send(stack: DeployedStack) -> None:
    policies = stack.of_type("AWS::SQS::QueuePolicy").values()
    statements = [s for policy in policies for s in policy["PolicyDocument"]["Statement"]]
    allowed = [s for s in statements if s["Effect"] == "Allow"]
    # A rule or a topic of this stack, and nobody else, may send to any queue.
    for statement in allowed:
        assert statement["Principal"] != "*"
        assert list(statement.get("Condition", {})) == ["ArnEquals"]
    (allow,) = [s for s in allowed if s["Resource"] == stack.arn("InputQueue")]
    assert allow["Principal"] == {"Service": "events.amazonaws.com"}
    assert as_list(allow["Action"]) == ["sqs:SendMessage"]
    assert allow["Condition"] == {"ArnEquals": {"aws:SourceArn": stack.arn("InputRule")}}


def check_queues_refuse_unencrypted_connections(stack: DeployedStack) -> None:
    policies = stack.of_type("AWS::SQS::QueuePolicy").values()
    closed = {
        statement["Resource"]
        for policy in policies
        for statement in policy["PolicyDocument"]["Statement"]
        if (statement["Effect"], statement["Principal"]) == ("Deny", "*")
        and statement["Condition"] == IN_THE_CLEAR
    }
    assert {stack.arn(name) for name in stack.of_type("AWS::SQS::Queue")} <= closed


def check_only_the_input_prefix_reaches_the_queue(stack: DeployedStack) -> None:
    rule = stack.properties("InputRule")
    detail = rule["EventPattern"]["detail"]
    assert detail["object"]["key"] == [{"prefix": INPUT_PREFIX}]
    assert detail["bucket"]["name"] == [stack.properties("InputBucket")["BucketName"]]
    assert rule["EventPattern"]["detail-type"] == ["Object Created"]
    assert [target["Arn"] for target in rule["Targets"]] == [stack.arn("InputQueue")]


def check_buckets_are_private_versioned_encrypted_and_kept(stack: DeployedStack) -> None:
    own = stack.parameters["KmsKeyArn"]
    for name, bucket in stack.of_type("AWS::S3::Bucket").items():
        blocks = bucket["PublicAccessBlockConfiguration"]
        assert len(blocks) == 4, name
        assert set(blocks.values()) == {True}, name
        assert bucket["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}, name
        assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}, name
        (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        by_default = rule["ServerSideEncryptionByDefault"]
        assert by_default["SSEAlgorithm"] == ("aws:kms" if own else "AES256"), name
        assert by_default.get("KMSMasterKeyID", "") == own, name
        # The buckets of a failed first deployment would block the second.
        assert stack.resources[name].get("DeletionPolicy") == "RetainExceptOnCreate", name
        assert stack.resources[name].get("UpdateReplacePolicy") == "Retain", name


def check_buckets_remove_leftovers(stack: DeployedStack) -> None:
    for name, bucket in stack.of_type("AWS::S3::Bucket").items():
        rules: list[dict[str, Any]] = bucket["LifecycleConfiguration"]["Rules"]
        whole = [rule for rule in rules if "Prefix" not in rule and rule["Status"] == "Enabled"]
        assert any(rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"] <= 7 for rule in whole), name
        assert any(rule["NoncurrentVersionExpiration"]["NoncurrentDays"] for rule in whole), name
        assert any(rule.get("ExpiredObjectDeleteMarker") is True for rule in whole), name
        # Inputs and scores belong to the user; no rule may delete them.
        ending = {rule.get("Prefix") for rule in rules if "ExpirationInDays" in rule}
        assert ending <= {"quarantine/"}, name
    rules = stack.properties("OutputBucket")["LifecycleConfiguration"]["Rules"]
    (record_rule,) = [rule for rule in rules if rule.get("Prefix") == "quarantine/"]
    assert record_rule["ExpirationInDays"] == stack.parameters["QuarantineRetentionDays"]


def check_buckets_refuse_unencrypted_connections(stack: DeployedStack) -> None:
    for name, bucket in stack.of_type("AWS::S3::Bucket").items():
        denied = [
            statement
            for statement in bucket_statements(stack, bucket["BucketName"])
            if (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:*")
            and statement["Condition"] == IN_THE_CLEAR
        ]
        arn = stack.arn(name)
        assert [set(statement["Resource"]) for statement in denied] == [{arn, f"{arn}/*"}], name


def check_bucket_policies_allow_nobody(stack: DeployedStack) -> None:
    for bucket in stack.of_type("AWS::S3::Bucket").values():
        assert all(s["Effect"] == "Deny" for s in bucket_statements(stack, bucket["BucketName"]))


def check_scores_are_created_and_never_replaced(stack: DeployedStack) -> None:
    output = stack.properties("OutputBucket")["BucketName"]
    (rule,) = [
        statement
        for statement in bucket_statements(stack, output)
        if f"{stack.arn('OutputBucket')}/scored/*" in as_list(statement["Resource"])
    ]
    assert (rule["Effect"], rule["Principal"], rule["Action"]) == ("Deny", "*", "s3:PutObject")
    # The start and the parts of a multipart upload can't have the header; its completion can.
    assert rule["Condition"] == {
        "Null": {"s3:if-none-match": "true"},
        "Bool": {"s3:ObjectCreationOperation": "true"},
    }
    # Records of quarantined files are replaced with a condition on their etag.
    assert not any("quarantine" in resource for resource in as_list(rule["Resource"]))


def check_both_buckets_send_their_events_to_eventbridge_and_nowhere_else(stack: DeployedStack) -> None:
    """Those of the output bucket say at least once that an output is there."""
    for name in ("InputBucket", "OutputBucket"):
        assert stack.properties(name).get("NotificationConfiguration") == {
            "EventBridgeConfiguration": {"EventBridgeEnabled": True}
        }, name


def check_events_of_the_output_bucket_never_reach_the_functions_queue(stack: DeployedStack) -> None:
    (pattern,) = [rule["EventPattern"] for rule in stack.of_type("AWS::Events::Rule").values()]
    assert pattern["detail"].get("bucket") == {"name": [stack.properties("InputBucket")["BucketName"]]}


def check_access_to_buckets_is_logged_if_it_is_set(stack: DeployedStack) -> None:
    target = stack.parameters["AccessLogBucket"]
    prefixes = set()
    buckets = stack.of_type("AWS::S3::Bucket")
    for name, bucket in buckets.items():
        logging = bucket.get("LoggingConfiguration", {})
        assert logging.get("DestinationBucketName", "") == target, name
        prefixes.add(logging.get("LogFilePrefix"))
    assert len(prefixes) == (len(buckets) if target else 1)


def bucket_statements(stack: DeployedStack, bucket: str) -> list[dict[str, Any]]:
    return [
        statement
        for policy in stack.of_type("AWS::S3::BucketPolicy").values()
        if policy["Bucket"] == bucket
        for statement in policy["PolicyDocument"]["Statement"]
    ]

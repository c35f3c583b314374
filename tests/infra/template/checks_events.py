"""Checks that an event which can't be delivered is kept in a queue of its own, and raises an alarm."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tests.infra.template.checks_alarms import find_alarm
from tests.infra.template.checks_storage import FOURTEEN_DAYS
from tests.infra.template_reader import as_list

if TYPE_CHECKING:
    from tests.infra.deployed_stack import DeployedStack

EVENTBRIDGE: Final = "events.amazonaws.com"


def keeping_queues(stack: DeployedStack) -> dict[str, str]:
    """Return the logical ids of the queues for undelivered events, with the ARN of what sends to each."""
    by_arn = {stack.arn(name): name for name in stack.of_type("AWS::SQS::Queue")}
    kept = {
        target["DeadLetterConfig"]["Arn"]: stack.arn(rule)
        for rule, properties in stack.of_type("AWS::Events::Rule").items()
        for target in properties["Targets"]
        if "DeadLetterConfig" in target
    } | {
        subscription["RedrivePolicy"]["deadLetterTargetArn"]: subscription["TopicArn"]
        for subscription in stack.of_type("AWS::SNS::Subscription").values()
        if "RedrivePolicy" in subscription
    }
    return {by_arn[queue]: sender for queue, sender in kept.items()}


def check_every_delivery_keeps_what_it_can_not_deliver(stack: DeployedStack) -> None:
    """G2: EventBridge does not retry errors 4xx, so without a queue of its own the event would be gone."""
    deliveries = 0
    for name, rule in stack.of_type("AWS::Events::Rule").items():
        for target in rule["Targets"]:
            assert target.get("DeadLetterConfig", {}).get("Arn") not in (None, target["Arn"]), name
            deliveries += 1
    for name, subscription in stack.of_type("AWS::SNS::Subscription").items():
        assert "deadLetterTargetArn" in subscription.get("RedrivePolicy", {}), name
        deliveries += 1
    # One queue each: a message in it says which delivery failed.
    assert len(keeping_queues(stack)) == deliveries


def check_undelivered_events_wait_for_two_weeks_in_a_queue_without_the_user_s_key(
    stack: DeployedStack,
) -> None:
    for name in keeping_queues(stack):
        queue = stack.properties(name)
        assert queue.get("MessageRetentionPeriod", 0) >= FOURTEEN_DAYS, name
        # A wrong policy of the user's key is one of the faults for which the queue exists.
        assert queue.get("SqsManagedSseEnabled") is True, name
        assert "KmsMasterKeyId" not in queue, name


def check_only_the_failed_delivery_may_send_to_its_queue(stack: DeployedStack) -> None:
    for name, sender in keeping_queues(stack).items():
        allowed = [
            statement
            for policy in stack.of_type("AWS::SQS::QueuePolicy").values()
            for statement in policy["PolicyDocument"]["Statement"]
            if (statement["Effect"], statement["Resource"]) == ("Allow", stack.arn(name))
        ]
        assert len(allowed) == 1, name
        allow = allowed[0]
        service = EVENTBRIDGE if ":events:" in sender else "sns.amazonaws.com"
        assert allow["Principal"] == {"Service": service}, name
        assert as_list(allow["Action"]) == ["sqs:SendMessage"], name
        assert allow["Condition"] == {"ArnEquals": {"aws:SourceArn": sender}}, name


def check_undelivered_events_raise_an_alarm(stack: DeployedStack) -> None:
    for name in keeping_queues(stack):
        queue = stack.properties(name)["QueueName"]
        alarm = find_alarm(stack, "AWS/SQS", "ApproximateNumberOfMessagesVisible", QueueName=queue)
        assert (alarm["Statistic"], alarm["Threshold"]) == ("Maximum", 0), name


def check_events_that_no_queue_could_keep_raise_an_alarm(stack: DeployedStack) -> None:
    for name in stack.of_type("AWS::Events::Rule"):
        rule = stack.physical_name(name)
        alarm = find_alarm(stack, "AWS/Events", "InvocationsFailedToBeSentToDlq", RuleName=rule)
        assert (alarm["Statistic"], alarm["Threshold"]) == ("Sum", 0), name


def check_eventbridge_is_not_asked_for_its_account(stack: DeployedStack) -> None:
    """Its calls are known by the rule's ARN; with a condition that is never met, nothing is delivered."""
    for statement in _statements(stack):
        if as_list(statement.get("Principal", {"Service": []}))[0] == {"Service": EVENTBRIDGE}:
            condition = statement["Condition"]
            assert list(condition) == ["ArnEquals"], condition
            assert list(condition["ArnEquals"]) == ["aws:SourceArn"], condition


def _statements(stack: DeployedStack) -> list[dict[str, Any]]:
    policies = [
        *(queue["PolicyDocument"] for queue in stack.of_type("AWS::SQS::QueuePolicy").values()),
        *(topic["PolicyDocument"] for topic in stack.of_type("AWS::SNS::TopicPolicy").values()),
        *(role["AssumeRolePolicyDocument"] for role in stack.of_type("AWS::IAM::Role").values()),
    ]
    return [statement for policy in policies for statement in policy["Statement"]]

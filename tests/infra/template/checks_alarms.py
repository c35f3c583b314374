"""Checks of the alarms and of the topic that receives them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tests.infra.deployed_stack import ACCOUNT, STACK

if TYPE_CHECKING:
    from tests.infra.deployed_stack import DeployedStack

SERVING: Final = {"score": "ScoreFunction", "batch": "BatchFunction"}
EXECUTED: Final = "ExecutedVersion"
OWN: Final = {
    ("Quarantined", "batch"),
    ("DivergentOutput", "batch"),
    ("ForeignObjects", "batch"),
    ("ModelUnavailable", "batch"),
    ("InternalErrors", "score"),
    ("Unavailable", "score"),
}


def dimensions(alarm: dict[str, Any]) -> dict[str, str]:
    return {dimension["Name"]: dimension["Value"] for dimension in alarm["Dimensions"]}


def simple_alarms(stack: DeployedStack) -> list[dict[str, Any]]:
    """Return the alarms that watch exactly one metric."""
    return [a for a in stack.of_type("AWS::CloudWatch::Alarm").values() if "MetricName" in a]


def find_alarm(stack: DeployedStack, namespace: str, metric: str, **where: str) -> dict[str, Any]:
    """Return the only alarm on a metric with these dimensions."""
    found = [
        alarm
        for alarm in simple_alarms(stack)
        if (alarm["Namespace"], alarm["MetricName"]) == (namespace, metric) and dimensions(alarm) == where
    ]
    assert len(found) == 1, f"{len(found)} alarms on {namespace} {metric} of {where}"
    return found[0]


def check_missing_data_counts_as_ok(stack: DeployedStack) -> None:
    for name, alarm in stack.of_type("AWS::CloudWatch::Alarm").items():
        assert alarm["TreatMissingData"] == "notBreaching", name
        assert alarm["AlarmActions"] == [stack.arn("AlarmTopic")], name
        assert alarm["ComparisonOperator"] == "GreaterThanThreshold", name
        assert alarm["AlarmDescription"], name
        assert alarm["AlarmName"].startswith(f"{STACK}-"), name


def check_functions_have_alarms(stack: DeployedStack) -> None:
    for logical in SERVING.values():
        function = f"{STACK}-{logical}"
        for metric in ("Errors", "Throttles"):
            alarm = find_alarm(stack, "AWS/Lambda", metric, FunctionName=function)
            assert (alarm["Statistic"], alarm["Threshold"]) == ("Sum", 0)
        slow = find_alarm(stack, "AWS/Lambda", "Duration", FunctionName=function)
        assert slow["ExtendedStatistic"] == "p99"
        assert slow["Threshold"] == 0.8 * 1_000 * stack.properties(logical)["Timeout"]


def check_the_api_has_alarms_by_its_name(stack: DeployedStack) -> None:
    api = stack.the("AWS::ApiGateway::RestApi")
    # With its id they would depend on the API, which depends on the deployment that they watch.
    where = {"ApiName": api["Name"], "Stage": stack.the("AWS::ApiGateway::Stage")["StageName"]}
    for metric in ("5XXError", "4XXError"):
        alarm = find_alarm(stack, "AWS/ApiGateway", metric, **where)
        assert alarm["Statistic"] == "Average"
        assert 0 < alarm["Threshold"] < 1


def check_the_queues_have_alarms(stack: DeployedStack) -> None:
    dead = stack.properties("DeadLetterQueue")["QueueName"]
    letters = find_alarm(stack, "AWS/SQS", "ApproximateNumberOfMessagesVisible", QueueName=dead)
    assert (letters["Statistic"], letters["Threshold"]) == ("Maximum", 0)
    (oldest,) = [a for a in stack.of_type("AWS::CloudWatch::Alarm").values() if "Metrics" in a]
    minutes, seconds = oldest["Metrics"]
    assert (minutes["Expression"], minutes["ReturnData"]) == ("seconds / 60", True)
    assert seconds["MetricStat"]["Metric"]["MetricName"] == "ApproximateAgeOfOldestMessage"
    (where,) = seconds["MetricStat"]["Metric"]["Dimensions"]
    assert where["Value"] == stack.properties("InputQueue")["QueueName"]
    assert oldest["Threshold"] == stack.parameters["OldestInputMinutes"]
    # A later alarm would come after the messages have been deleted.
    assert int(oldest["Threshold"]) * 60 <= stack.properties("InputQueue")["MessageRetentionPeriod"]
    assert find_alarm(stack, "AWS/Events", "FailedInvocations", RuleName=f"{STACK}-InputRule")


def check_the_code_s_own_metrics_have_alarms(stack: DeployedStack) -> None:
    for metric, service in OWN:
        alarm = find_alarm(stack, "Churn", metric, service=f"{STACK}-{service}")
        assert (alarm["Statistic"], alarm["Threshold"]) == ("Sum", 0)
        variables = stack.properties(SERVING[service])["Environment"]["Variables"]
        # The dimension's value is the service name in the function's environment.
        assert variables["POWERTOOLS_SERVICE_NAME"] == dimensions(alarm)["service"]


def check_alarms_go_to_a_topic_of_this_account(stack: DeployedStack) -> None:
    topic = stack.the("AWS::SNS::Topic")
    assert topic.get("KmsMasterKeyId", "") == stack.parameters["KmsKeyArn"]
    statements = stack.the("AWS::SNS::TopicPolicy")["PolicyDocument"]["Statement"]
    (allow,) = [statement for statement in statements if statement["Effect"] == "Allow"]
    assert allow["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert allow["Action"] == "sns:Publish"
    assert allow["Condition"] == {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
    mails = [mail["Endpoint"] for mail in stack.of_type("AWS::SNS::Subscription").values()]
    assert mails == [address for address in (stack.parameters["AlarmEmail"],) if address]

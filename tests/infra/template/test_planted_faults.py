"""Each check finds its planted fault; linters miss these faults."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, Final

import pytest

from tests.infra.deployed_stack import ACCOUNT, DeployedStack
from tests.infra.template.test_checklist import CHECKS


def hook_of(stack: DeployedStack) -> dict[str, Any]:
    policy = stack.resources["ScoreFunctionAliaslive"]["UpdatePolicy"]
    found: dict[str, Any] = policy["CodeDeployLambdaAliasUpdate"]
    return found


def route(stack: DeployedStack, path: str = "/predict", method: str = "post") -> dict[str, Any]:
    found: dict[str, Any] = stack.properties("Api")["Body"]["paths"][path][method]
    return found


def allow(stack: DeployedStack, role: str, **statement: Any) -> None:
    policy = stack.properties(role)["Policies"][0]["PolicyDocument"]
    policy["Statement"].append({"Effect": "Allow"} | statement)


def allow_everybody_to_send(stack: DeployedStack) -> None:
    stack.properties("InputQueuePolicy")["PolicyDocument"]["Statement"][0] = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "sqs:*",
        "Resource": stack.arn("InputQueue"),
    }


def remove(stack: DeployedStack, name: str, member: str) -> None:
    del stack.properties(name)[member]


def statement_of(stack: DeployedStack, policy: str, number: int) -> dict[str, Any]:
    found: dict[str, Any] = stack.properties(policy)["PolicyDocument"]["Statement"][number]
    return found


Plant = Callable[[DeployedStack], Any]

SEVEN: Final[dict[str, tuple[str, Plant]]] = {
    "an open route": ("every_route_requires_authorization", lambda s: route(s).update(security=[])),
    "visibility of one timeout": (
        "a_message_stays_hidden_while_it_is_handled",
        lambda s: s.properties("InputQueue").update(VisibilityTimeout=300),
    ),
    "one receive": (
        "a_message_is_tried_often_enough",
        lambda s: s.properties("InputQueue")["RedrivePolicy"].update(maxReceiveCount=1),
    ),
    "failures not reported": (
        "only_failed_messages_are_delivered_again",
        lambda s: remove(s, "BatchFunctionInputs", "FunctionResponseTypes"),
    ),
    "everybody may send": ("only_the_rule_may_send", allow_everybody_to_send),
    "dead letters for four days": (
        "dead_letters_outlive_their_queue",
        lambda s: remove(s, "DeadLetterQueue", "MessageRetentionPeriod"),
    ),
    "everything on every bucket": (
        "batch_has_only_the_permissions_that_it_needs",
        lambda s: allow(s, "BatchRole", Action="s3:*", Resource="*"),
    ),
}
MORE: Final[dict[str, tuple[str, Plant]]] = {
    "a route without a security member": (
        "every_route_requires_authorization",
        lambda s: route(s).pop("security"),
    ),
    "an API key without other credentials": (
        "an_api_key_is_never_alone",
        lambda s: route(s).update(security=[{"API_KEY": []}]),
    ),
    "bodies in traces": (
        "no_body_is_logged_or_traced",
        lambda s: s.properties("ApiliveStage")["MethodSettings"][0].update(DataTraceEnabled=True),
    ),
    "paths in the access log": (
        "access_is_logged_without_personal_data",
        lambda s: s.properties("ApiliveStage")["AccessLogSetting"].update(Format='{"path": "$context.path"}'),
    ),
    "no throttle": (
        "the_stage_is_throttled",
        lambda s: s.properties("ApiliveStage")["MethodSettings"][0].update(ThrottlingRateLimit=-1),
    ),
    "a wildcard in a role": (
        "no_role_has_wildcards",
        lambda s: allow(s, "ScoreRole", Action="s3:*", Resource="arn:aws:s3:::other/*"),
    ),
    "a permission to delete": (
        "no_role_may_delete_or_publish",
        lambda s: allow(s, "BatchRole", Action="s3:DeleteObject", Resource="arn:aws:s3:::other/*"),
    ),
    "a role for all of Lambda": (
        "roles_trust_one_service_for_this_account",
        lambda s: s.properties("BatchRole")["AssumeRolePolicyDocument"]["Statement"][0].pop("Condition"),
    ),
    "scores that can be replaced": (
        "scores_are_created_and_never_replaced",
        lambda s: statement_of(s, "OutputBucketPolicy", 1)["Condition"].pop("Null"),
    ),
    "a bucket that anybody may read": (
        "bucket_policies_allow_nobody",
        lambda s: statement_of(s, "OutputBucketPolicy", 0).update(Effect="Allow"),
    ),
    "a public bucket": (
        "buckets_are_private_versioned_encrypted_and_kept",
        lambda s: s.properties("InputBucket")["PublicAccessBlockConfiguration"].update(BlockPublicAcls=False),
    ),
    "a bucket that is deleted with the stack": (
        "buckets_are_private_versioned_encrypted_and_kept",
        lambda s: s.resources["OutputBucket"].pop("DeletionPolicy"),
    ),
    "outputs that nobody hears of": (
        "both_buckets_send_their_events_to_eventbridge_and_nowhere_else",
        lambda s: remove(s, "OutputBucket", "NotificationConfiguration"),
    ),
    "outputs that are scored again": (
        "events_of_the_output_bucket_never_reach_the_functions_queue",
        lambda s: s.properties("InputRule")["EventPattern"]["detail"].pop("bucket"),
    ),
    "a filter before the queue": (
        "only_failed_messages_are_delivered_again",
        lambda s: s.properties("BatchFunctionInputs").update(FilterCriteria={"Filters": []}),
    ),
    "no check of a new version": (
        "a_new_version_is_checked_before_it_gets_traffic",
        lambda s: hook_of(s).update(BeforeAllowTrafficHook=None),
    ),
    "batch before score": ("batch_follows_score", lambda s: s.resources["BatchFunction"].pop("DependsOn")),
    "answers in traces": (
        "traces_hold_no_answers",
        lambda s: s.properties("ScoreFunction")["Environment"]["Variables"].update(
            POWERTOOLS_TRACER_CAPTURE_RESPONSE="true"
        ),
    ),
    "telemetry of onnxruntime": (
        "no_library_sends_telemetry",
        lambda s: s.properties("ScoreFunction")["Environment"]["Variables"].update(ORT_DISABLE_TELEMETRY="0"),
    ),
    "a secret in the environment": (
        "variables_hold_no_secret",
        lambda s: s.properties("ScoreFunction")["Environment"]["Variables"].update(DB_PASSWORD="x"),
    ),
    "an alarm that stays when data is missing": (
        "missing_data_counts_as_ok",
        lambda s: s.properties("QuarantinedAlarm").update(TreatMissingData="missing"),
    ),
    "delete markers that stay for ever": (
        "buckets_remove_leftovers",
        lambda s: s.properties("OutputBucket")["LifecycleConfiguration"]["Rules"][0].pop(
            "ExpiredObjectDeleteMarker"
        ),
    ),
    "a state machine whose map may not use its role": (
        "state_machines_may_use_their_role_for_the_parts_of_a_map",
        lambda s: s.properties("BackfillMachineRole")["AssumeRolePolicyDocument"]["Statement"][0][
            "Condition"
        ]["ArnLike"]["aws:SourceArn"].pop(),
    ),
    "a rule without a queue for undelivered events": (
        "every_delivery_keeps_what_it_can_not_deliver",
        lambda s: s.properties("InputRule")["Targets"][0].pop("DeadLetterConfig"),
    ),
    "mail without a queue for undelivered alarms": (
        "every_delivery_keeps_what_it_can_not_deliver",
        lambda s: remove(s, "AlarmMail", "RedrivePolicy"),
    ),
    "undelivered events in the queue that could not take them": (
        "every_delivery_keeps_what_it_can_not_deliver",
        lambda s: s.properties("InputRule")["Targets"][0]["DeadLetterConfig"].update(Arn=s.arn("InputQueue")),
    ),
    "undelivered events under the user's key": (
        "undelivered_events_wait_for_two_weeks_in_a_queue_without_the_user_s_key",
        lambda s: s.properties("UndeliveredInputQueue").update(KmsMasterKeyId="arn:aws:kms:x:1:key/1"),
    ),
    "no alarm on undelivered events": (
        "undelivered_events_raise_an_alarm",
        lambda s: s.resources.pop("UndeliveredInputsAlarm"),
    ),
    "no alarm on events that are lost": (
        "events_that_no_queue_could_keep_raise_an_alarm",
        lambda s: s.resources.pop("LostInputsAlarm"),
    ),
    "a queue that lets EventBridge send no undelivered event": (
        "only_the_failed_delivery_may_send_to_its_queue",
        lambda s: statement_of(s, "UndeliveredInputQueuePolicy", 0).update(Effect="Deny"),
    ),
    "EventBridge asked for its account": (
        "eventbridge_is_not_asked_for_its_account",
        lambda s: statement_of(s, "InputQueuePolicy", 0)["Condition"].update(
            StringEquals={"aws:SourceAccount": ACCOUNT}
        ),
    ),
    "an alarm of another stack": (
        "the_code_s_own_metrics_have_alarms",
        lambda s: s.properties("QuarantinedAlarm").update(Dimensions=[{"Name": "service", "Value": "other"}]),
    ),
}


@pytest.mark.parametrize("fault", [*SEVEN, *MORE])
def test_the_check_finds_the_planted_fault(template: dict[str, Any], fault: str) -> None:
    check, plant = (SEVEN | MORE)[fault]
    stack = DeployedStack(copy.deepcopy(template), {"AlarmEmail": "operators@example.com"})
    CHECKS[check](stack)
    plant(stack)
    with pytest.raises(AssertionError):
        CHECKS[check](stack)


def test_all_seven_required_faults_are_planted() -> None:
    assert len(SEVEN) == 7
    assert len({check for check, _ in SEVEN.values()}) == 7

"""Faults that linters let pass: with any of them planted, the check of that row refuses the stack."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, Final

import pytest

from tests.infra.deployed_stack import DeployedStack
from tests.infra.template.test_checklist import CHECKS, STACKS


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


def let_everybody_send(stack: DeployedStack) -> None:
    stack.properties("InputQueuePolicy")["PolicyDocument"]["Statement"][0] = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "sqs:*",
        "Resource": stack.arn("InputQueue"),
    }


def forget(stack: DeployedStack, name: str, member: str) -> None:
    del stack.properties(name)[member]


def statement_of(stack: DeployedStack, policy: str, number: int) -> dict[str, Any]:
    found: dict[str, Any] = stack.properties(policy)["PolicyDocument"]["Statement"][number]
    return found


Plant = Callable[[DeployedStack], Any]

SEVEN: Final[dict[str, tuple[str, Plant]]] = {
    "an open route": ("every_route_asks_who_calls", lambda s: route(s).update(security=[])),
    "visibility of one timeout": (
        "a_message_stays_hidden_while_it_is_worked_on",
        lambda s: s.properties("InputQueue").update(VisibilityTimeout=300),
    ),
    "one receive": (
        "a_message_is_tried_often_enough",
        lambda s: s.properties("InputQueue")["RedrivePolicy"].update(maxReceiveCount=1),
    ),
    "failures not reported": (
        "only_failures_are_delivered_again",
        lambda s: forget(s, "BatchFunctionInputs", "FunctionResponseTypes"),
    ),
    "everybody may send": ("only_the_rule_may_send", let_everybody_send),
    "dead letters for four days": (
        "dead_letters_outlive_their_queue",
        lambda s: forget(s, "DeadLetterQueue", "MessageRetentionPeriod"),
    ),
    "everything on every bucket": (
        "batch_does_its_work_and_no_more",
        lambda s: allow(s, "BatchRole", Action="s3:*", Resource="*"),
    ),
}
MORE: Final[dict[str, tuple[str, Plant]]] = {
    "a route that says nothing": ("every_route_asks_who_calls", lambda s: route(s).pop("security")),
    "a key alone": (
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
    "a star for any role": (
        "no_role_has_stars",
        lambda s: allow(s, "ScoreRole", Action="s3:*", Resource="arn:aws:s3:::other/*"),
    ),
    "a right to delete": (
        "no_role_deletes_or_opens",
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
        "nobody_is_let_in_by_a_bucket",
        lambda s: statement_of(s, "OutputBucketPolicy", 0).update(Effect="Allow"),
    ),
    "a public bucket": (
        "buckets_are_private_versioned_encrypted_and_kept",
        lambda s: s.properties("InputBucket")["PublicAccessBlockConfiguration"].update(BlockPublicAcls=False),
    ),
    "a bucket that goes with the stack": (
        "buckets_are_private_versioned_encrypted_and_kept",
        lambda s: s.resources["OutputBucket"].pop("DeletionPolicy"),
    ),
    "a filter before the queue": (
        "only_failures_are_delivered_again",
        lambda s: s.properties("BatchFunctionInputs").update(FilterCriteria={"Filters": []}),
    ),
    "no version tried before it serves": (
        "a_new_version_is_tried_before_it_serves",
        lambda s: hook_of(s).update(BeforeAllowTrafficHook=None),
    ),
    "batch before score": ("batch_follows_score", lambda s: s.resources["BatchFunction"].pop("DependsOn")),
    "answers in traces": (
        "traces_hold_no_answers",
        lambda s: s.properties("ScoreFunction")["Environment"]["Variables"].update(
            POWERTOOLS_TRACER_CAPTURE_RESPONSE="true"
        ),
    ),
    "a secret in the environment": (
        "variables_hold_no_secret",
        lambda s: s.properties("ScoreFunction")["Environment"]["Variables"].update(DB_PASSWORD="x"),
    ),
    "an alarm that stays after silence": (
        "silence_is_good_news",
        lambda s: s.properties("QuarantinedAlarm").update(TreatMissingData="missing"),
    ),
    "an alarm of another stack": (
        "the_codes_own_metrics_have_alarms",
        lambda s: s.properties("QuarantinedAlarm").update(Dimensions=[{"Name": "service", "Value": "other"}]),
    ),
}


@pytest.mark.parametrize("fault", [*SEVEN, *MORE])
def test_the_row_s_check_refuses_it(template: dict[str, Any], fault: str) -> None:
    check, plant = (SEVEN | MORE)[fault]
    stack = DeployedStack(copy.deepcopy(template), STACKS["defaults"])
    CHECKS[check](stack)
    plant(stack)
    with pytest.raises(AssertionError):
        CHECKS[check](stack)


def test_all_seven_are_planted() -> None:
    assert len(SEVEN) == 7
    assert len({check for check, _ in SEVEN.values()}) == 7

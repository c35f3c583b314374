"""Checks of the roles: each has only the permissions that its function needs, for one service."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final

from functions.shared.objects import INPUT_PREFIXES
from functions.shared.storage import EVENT_SOURCE
from tests.infra.deployed_stack import ACCOUNT, REGION
from tests.infra.template_reader import as_list

if TYPE_CHECKING:
    from tests.infra.deployed_stack import DeployedStack

TRACES: Final = {("xray:PutTraceSegments", "*"), ("xray:PutTelemetryRecords", "*")}
WITHOUT_RESOURCES: Final = {
    *("xray:PutTraceSegments", "xray:PutTelemetryRecords", "cloudwatch:DescribeAlarms"),
    *("xray:GetSamplingRules", "xray:GetSamplingTargets"),
    *("states:CreateLogDelivery", "logs:CreateLogDelivery", "logs:GetLogDelivery", "logs:UpdateLogDelivery"),
    *("logs:DeleteLogDelivery", "logs:ListLogDeliveries", "logs:PutResourcePolicy"),
    *("logs:DescribeResourcePolicies", "logs:DescribeLogGroups"),
}
"""Actions that AWS can't limit to resources."""
READ: Final = INPUT_PREFIXES
"""Prefixes of the input bucket that the batch function reads."""
WRITTEN: Final = ("scored", "quarantine")
OF_THE_GATEWAY: Final = "ApiGatewayLoggingRole"


def rights(stack: DeployedStack, role: str) -> set[tuple[str, str]]:
    """Return a role's permissions as pairs of action and resource."""
    return {
        (action, resource)
        for statement in stack.statements(role)
        if statement["Effect"] == "Allow"
        for action in as_list(statement["Action"])
        for resource in as_list(statement["Resource"])
    }


def conditions(stack: DeployedStack, role: str) -> dict[str, Any]:
    """Return the conditions by action, for actions that have one."""
    return {
        action: statement["Condition"]
        for statement in stack.statements(role)
        if "Condition" in statement
        for action in as_list(statement["Action"])
        if not action.startswith("kms:")
    }


def _logs(stack: DeployedStack, group: str) -> set[tuple[str, str]]:
    return {(f"logs:{action}", stack.arn(group)) for action in ("CreateLogStream", "PutLogEvents")}


def _key(stack: DeployedStack, *actions: str) -> set[tuple[str, str]]:
    own = stack.parameters["KmsKeyArn"]
    return {(f"kms:{action}", own) for action in actions} if own else set()


def check_score_has_no_access_to_data(stack: DeployedStack) -> None:
    assert rights(stack, "ScoreRole") == TRACES | _logs(stack, "ScoreLogs") | _key(stack, "Decrypt")


def check_batch_has_only_the_permissions_that_it_needs(stack: DeployedStack) -> None:
    incoming, output = stack.arn("InputBucket"), stack.arn("OutputBucket")
    queue = ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")
    expected = (
        TRACES
        | _logs(stack, "BatchLogs")
        | _key(stack, "Decrypt", "GenerateDataKey")
        | {(f"sqs:{action}", stack.arn("InputQueue")) for action in queue}
        | {
            (f"s3:{action}", f"{incoming}/{prefix}*")
            for action in ("GetObject", "GetObjectVersion")
            for prefix in READ
        }
        | {("s3:ListBucket", incoming)}
        | {
            (f"s3:{action}", f"{output}/{prefix}/*")
            for action in ("PutObject", "GetObject")
            for prefix in WRITTEN
        }
        | {("events:PutEvents", f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/default")}
    )
    assert rights(stack, "BatchRole") == expected, rights(stack, "BatchRole") ^ expected
    narrowed = conditions(stack, "BatchRole")
    assert set(narrowed) == {"s3:ListBucket", "events:PutEvents"}
    listed = narrowed["s3:ListBucket"]["StringLikeIfExists"]["s3:prefix"]
    assert as_list(listed) == [f"{prefix}*" for prefix in READ]
    assert narrowed["events:PutEvents"] == {"StringEquals": {"events:source": EVENT_SOURCE}}


def check_the_hook_may_only_invoke_and_report(stack: DeployedStack) -> None:
    # CloudFormation composes the name: stack, logical id, and random characters.
    application = "churn-test-ServerlessDeploymentApplication-*"
    assert rights(stack, "PreTrafficRole") == (
        TRACES
        | _logs(stack, "PreTrafficLogs")
        | _key(stack, "Decrypt")
        | {
            # Versions and aliases, but not the unpublished code.
            ("lambda:InvokeFunction", f"{stack.arn('ScoreFunction')}:*"),
            (
                "codedeploy:PutLifecycleEventHookExecutionStatus",
                f"arn:aws:codedeploy:{REGION}:{ACCOUNT}:deploymentgroup:{application}/*",
            ),
        }
    )


def check_deployments_may_only_move_one_alias(stack: DeployedStack) -> None:
    function = stack.arn("ScoreFunction")
    calls = ("GetAlias", "UpdateAlias", "GetProvisionedConcurrencyConfig")
    assert rights(stack, "DeploymentRole") == (
        {(f"lambda:{call}", place) for call in calls for place in (function, f"{function}:*")}
        | {("lambda:InvokeFunction", stack.arn("PreTrafficFunction")), ("cloudwatch:DescribeAlarms", "*")}
    )


def check_no_role_has_wildcards(stack: DeployedStack) -> None:
    """No action has a wildcard, and no resource is `*`, except where AWS allows nothing else."""
    for role in stack.of_type("AWS::IAM::Role"):
        for statement in stack.statements(role):
            assert not {"NotAction", "NotResource", "NotPrincipal"} & set(statement), role
        for action, resource in rights(stack, role):
            assert "*" not in action, f"{role} may do {action}"
            assert resource != "*" or action in WITHOUT_RESOURCES, f"{role} may do {action} on everything"


def check_no_role_may_delete_or_publish(stack: DeployedStack) -> None:
    for role in stack.of_type("AWS::IAM::Role"):
        for action, _ in rights(stack, role):
            service, _, call = action.partition(":")
            harmless = (service, call) in {("sqs", "DeleteMessage"), ("logs", "DeleteLogDelivery")}
            assert harmless or not any(word in call for word in ("Delete", "Acl", "PutBucket", "Pass")), role


def check_roles_have_the_boundary_if_it_is_set(stack: DeployedStack) -> None:
    for name, role in stack.of_type("AWS::IAM::Role").items():
        assert role.get("PermissionsBoundary", "") == stack.parameters["PermissionsBoundary"], name


def check_roles_trust_one_service_for_this_account(stack: DeployedStack) -> None:
    for name, role in stack.of_type("AWS::IAM::Role").items():
        (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
        if name == OF_THE_GATEWAY:
            # API Gateway documents it so; only the account's own setting names the role.
            assert trust["Principal"] == {"Service": "apigateway.amazonaws.com"}
            continue
        assert "Condition" in trust, f"{name} is there for every account's {trust['Principal']}"
        assert (trust["Effect"], trust["Action"]) == ("Allow", "sts:AssumeRole"), name
        assert list(trust["Principal"]) == ["Service"], name
        assert trust["Condition"]["StringEquals"] == {"aws:SourceAccount": ACCOUNT}, name
    roles = {function["Role"] for function in stack.of_type("AWS::Lambda::Function").values()}
    for name in stack.of_type("AWS::IAM::Role"):
        (trust,) = stack.properties(name)["AssumeRolePolicyDocument"]["Statement"]
        if stack.arn(name) in roles:
            assert trust["Principal"]["Service"] == "lambda.amazonaws.com", name


def check_state_machines_may_use_their_role_for_the_parts_of_a_map(stack: DeployedStack) -> None:
    """A part of a distributed map runs as MACHINE/LABEL, and needs the same role and rights as MACHINE."""
    for name, machine in stack.of_type("AWS::StepFunctions::StateMachine").items():
        (role,) = (r for r in stack.of_type("AWS::IAM::Role") if stack.arn(r) == machine["RoleArn"])
        (trust,) = stack.properties(role)["AssumeRolePolicyDocument"]["Statement"]
        trusted = as_list(trust["Condition"]["ArnLike"]["aws:SourceArn"])
        own = f"arn:aws:states:{REGION}:{ACCOUNT}:%s:{machine['StateMachineName']}"
        sources = [own % "stateMachine", f"{own % 'stateMachine'}/ScoreParts"]
        assert [any(fnmatchcase(one, pattern) for pattern in trusted) for one in sources] == [True, True], (
            name
        )
        other = f"{own % 'stateMachine'}-of-others"
        assert not any(fnmatchcase(other, pattern) for pattern in trusted), name
        needed = [("states:StartExecution", source) for source in sources] + [
            (f"states:{action}Execution", f"{own % 'execution'}{part}:0a1b")
            for action in ("Describe", "Stop", "Redrive")
            for part in ("", "/ScoreParts")
        ]
        for action, resource in needed:
            patterns = [place for right, place in rights(stack, role) if right == action]
            assert any(fnmatchcase(resource, pattern) for pattern in patterns), (action, resource)


def check_roles_have_no_managed_policies(stack: DeployedStack) -> None:
    for name, role in stack.of_type("AWS::IAM::Role").items():
        managed = role.get("ManagedPolicyArns", [])
        # API Gateway refuses a role with fewer permissions.
        allowed = [f"arn:aws:iam::aws:policy/service-role/{'AmazonAPIGatewayPushToCloudWatchLogs'}"]
        assert managed == (allowed if name == OF_THE_GATEWAY else []), name


def check_keys_are_used_through_their_services(stack: DeployedStack) -> None:
    for role in stack.of_type("AWS::IAM::Role"):
        for statement in stack.statements(role):
            if any(action.startswith("kms:") for action in as_list(statement["Action"])):
                assert stack.parameters["KmsKeyArn"], role
                assert as_list(statement["Resource"]) == [stack.parameters["KmsKeyArn"]], role
                services = as_list(statement["Condition"]["StringEquals"]["kms:ViaService"])
                assert services, role
                assert all(service.endswith(f".{REGION}.amazonaws.com") for service in services), role

"""template.yaml, looked at after the SAM transform: linters let most of this pass."""

from __future__ import annotations

import json
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

from template_reader import SAM_BIN, TEMPLATE, Resources, as_list, of_type, policy_statements, references, run

from functions.batch.events import INPUT_PREFIX
from functions.batch.settings import DEFAULT_MAX_OBJECT_BYTES, DEFAULT_MAX_ROWS
from functions.batch.storage import EVENT_SOURCE


def test_sam_finds_it_valid() -> None:
    run(SAM_BIN / "sam", "validate", "--lint", "--template", TEMPLATE, "--region", "eu-west-1")


def test_linter_finds_the_transformed_template_valid(template: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "transformed.json"
    path.write_text(json.dumps(template), encoding="utf-8")
    # W2001, unused parameter: the transform itself has put in the value of ApiAuthorizer.
    run(SAM_BIN / "cfn-lint", "--regions", "eu-west-1", "--ignore-checks", "W2001", "--template", path)


def test_no_resource_waits_for_itself(resources: Resources) -> None:
    names = set(resources)
    graph = {name: references(resource, names) for name, resource in resources.items()}

    # static_order raises CycleError with the resources in the cycle.
    assert set(TopologicalSorter(graph).static_order()) == names


def test_functions_run_on_the_lambda_s_python(resources: Resources) -> None:
    functions = of_type(resources, "AWS::Lambda::Function")
    assert set(functions) == {"ScoreFunction", "BatchFunction"}
    for folder, name in (("score", "ScoreFunction"), ("batch", "BatchFunction")):
        assert functions[name]["Handler"] == f"functions.{folder}.app.lambda_handler"
        assert functions[name]["Runtime"] == "python3.13"
        assert functions[name]["LoggingConfig"]["LogFormat"] == "JSON"


def test_architecture_is_a_parameter(template: dict[str, Any], resources: Resources) -> None:
    functions = of_type(resources, "AWS::Lambda::Function").values()
    assert [f["Architectures"] for f in functions] == [[{"Ref": "Architecture"}]] * 2
    assert template["Parameters"]["Architecture"]["Default"] == "arm64"
    assert set(template["Parameters"]["Architecture"]["AllowedValues"]) == {"arm64", "x86_64"}


def test_queue_outlasts_the_function(resources: Resources) -> None:
    queues = of_type(resources, "AWS::SQS::Queue")
    timeout = resources["BatchFunction"]["Properties"]["Timeout"]
    source, dead = queues["InputQueue"], queues["DeadLetterQueue"]
    assert source["VisibilityTimeout"] >= 6 * timeout
    assert source["RedrivePolicy"]["maxReceiveCount"] == 5
    assert source["MessageRetentionPeriod"] < dead["MessageRetentionPeriod"]
    assert all(queue["SqsManagedSseEnabled"] for queue in queues.values())


def test_b31_one_object_an_invocation_and_only_failures_again(resources: Resources) -> None:
    (mapping,) = of_type(resources, "AWS::Lambda::EventSourceMapping").values()
    assert mapping["BatchSize"] == 1
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    # A filter would drop the messages that do not match.
    assert "FilterCriteria" not in mapping


def test_limits_are_parameters_and_the_code_has_the_same_defaults(
    template: dict[str, Any], resources: Resources
) -> None:
    variables = resources["BatchFunction"]["Properties"]["Environment"]["Variables"]
    defaults = {name: parameter["Default"] for name, parameter in template["Parameters"].items()}
    for variable, parameter, default in (
        ("CHURN_MAX_OBJECT_BYTES", "MaxObjectBytes", DEFAULT_MAX_OBJECT_BYTES),
        ("CHURN_MAX_ROWS", "MaxRows", DEFAULT_MAX_ROWS),
    ):
        assert variables[variable] == {"Ref": parameter}
        assert defaults[parameter] == default


def test_objects_fit_twice_into_the_function_s_disk(template: dict[str, Any], resources: Resources) -> None:
    disk = resources["BatchFunction"]["Properties"]["EphemeralStorage"]["Size"] * 1024 * 1024
    limit = template["Parameters"]["MaxObjectBytes"]
    assert limit["Default"] <= limit["MaxValue"] < disk / 2


def test_only_the_input_prefix_reaches_the_queue(resources: Resources) -> None:
    (rule,) = of_type(resources, "AWS::Events::Rule").values()
    detail = rule["EventPattern"]["detail"]
    assert detail["object"]["key"] == [{"prefix": INPUT_PREFIX}]
    assert detail["bucket"]["name"] == [resources["InputBucket"]["Properties"]["BucketName"]]
    (policy,) = of_type(resources, "AWS::SQS::QueuePolicy").values()
    (allow,) = [s for s in policy["PolicyDocument"]["Statement"] if s["Effect"] == "Allow"]
    assert allow["Principal"] == {"Service": "events.amazonaws.com"}
    assert allow["Action"] == "sqs:SendMessage"
    assert allow["Condition"] == {"ArnEquals": {"aws:SourceArn": {"Fn::GetAtt": ["InputRule", "Arn"]}}}


def test_functions_may_do_what_they_do_and_no_more(resources: Resources) -> None:
    account = "${AWS::StackName}-%s-${AWS::AccountId}-${AWS::Region}"
    in_bucket = f"arn:${{AWS::Partition}}:s3:::{account % 'input'}"
    out_bucket = f"arn:${{AWS::Partition}}:s3:::{account % 'output'}"
    rights: dict[str, set[tuple[str, str]]] = {"ScoreRole": set(), "BatchRole": set()}
    for role, found in rights.items():
        assert "ManagedPolicyArns" not in resources[role]["Properties"]
        for statement in policy_statements(resources, role):
            for resource in as_list(statement["Resource"]):
                place = resource if isinstance(resource, str) else str(next(iter(resource.values())))
                found |= {(action, place) for action in as_list(statement["Action"])}

    traces = {("xray:PutTraceSegments", "*"), ("xray:PutTelemetryRecords", "*")}

    def logs(group: str) -> set[tuple[str, str]]:
        return {(f"logs:{action}", f"['{group}', 'Arn']") for action in ("CreateLogStream", "PutLogEvents")}

    queue = {"ReceiveMessage", "DeleteMessage", "GetQueueAttributes"}
    assert rights["ScoreRole"] == traces | logs("ScoreLogs")
    assert rights["BatchRole"] == (
        traces
        | logs("BatchLogs")
        | {(f"sqs:{action}", "['InputQueue', 'Arn']") for action in queue}
        | {(f"s3:{action}", f"{in_bucket}/{INPUT_PREFIX}*") for action in ("GetObject", "GetObjectVersion")}
        | {("s3:ListBucket", in_bucket)}
        | {
            (f"s3:{a}", f"{out_bucket}/{p}/*")
            for a in ("PutObject", "GetObject")
            for p in ("scored", "quarantine")
        }
        | {
            (
                "events:PutEvents",
                "arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:event-bus/default",
            )
        }
    )
    conditions = {
        str(s["Action"]): s["Condition"]
        for s in policy_statements(resources, "BatchRole")
        if "Condition" in s
    }
    assert conditions == {
        "s3:ListBucket": {"StringLikeIfExists": {"s3:prefix": f"{INPUT_PREFIX}*"}},
        "events:PutEvents": {"StringEquals": {"events:source": EVENT_SOURCE}},
    }


def test_names_in_the_environment_are_the_buckets(resources: Resources) -> None:
    variables = resources["BatchFunction"]["Properties"]["Environment"]["Variables"]
    for kind in ("Input", "Output"):
        name = resources[f"{kind}Bucket"]["Properties"]["BucketName"]
        assert variables[f"CHURN_{kind.upper()}_BUCKET"] == name


def test_buckets_are_private_versioned_and_kept(resources: Resources) -> None:
    for name, bucket in of_type(resources, "AWS::S3::Bucket").items():
        assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
        assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
        assert resources[name]["DeletionPolicy"] == resources[name]["UpdateReplacePolicy"] == "Retain"
    assert "NotificationConfiguration" not in resources["OutputBucket"]["Properties"]
    assert resources["InputBucket"]["Properties"]["NotificationConfiguration"] == {
        "EventBridgeConfiguration": {"EventBridgeEnabled": True}
    }


def test_logs_are_kept_for_a_time(resources: Resources) -> None:
    groups = of_type(resources, "AWS::Logs::LogGroup")
    assert {g["RetentionInDays"]["Ref"] for g in groups.values()} == {"LogRetentionDays"}
    for name, function in of_type(resources, "AWS::Lambda::Function").items():
        assert function["LoggingConfig"]["LogGroup"]["Ref"] in groups, name

"""A new version receives requests only if it scores the golden rows as the bundle recorded them."""

from __future__ import annotations

import io
import json
import math
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from churn_core.models.bundle.golden_rows import RANDOM_ROWS
from churn_core.scoring.bundle import manifest_digest, model_version
from functions.pre_traffic import app, aws
from functions.pre_traffic.golden_rows import PATH, proxy_event
from functions.score import app as score_app
from functions.score.routes import loaded_predictor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

VERSION: Final = "arn:aws:lambda:eu-west-1:123456789012:function:churn-score:7"
EVENT: Final = {"DeploymentId": "d-ABC123", "LifecycleEventHookExecutionId": "eyJlbmNyeXB0ZWQ"}


class Context:
    """The context that Lambda passes to a handler."""

    aws_request_id = "0f9b1c8e-1111-2222-3333-444455556666"
    function_name = "churn-score"
    function_version = "7"
    memory_limit_in_mb = 1024
    invoked_function_arn = VERSION

    def get_remaining_time_in_millis(self) -> int:
        return 10_000


@dataclass
class Cloud:
    """Lambda and CodeDeploy in one; by default the version is the score function's own handler."""

    handler: Callable[[dict[str, Any]], Any] = lambda event: score_app.lambda_handler(event, Context())
    invoked: list[str] = field(default_factory=list)
    reported: list[dict[str, Any]] = field(default_factory=list)
    log: str = ""

    def invoke(self, **arguments: Any) -> dict[str, Any]:
        assert arguments["InvocationType"] == "RequestResponse"
        self.invoked.append(arguments["FunctionName"])
        try:
            answer = self.handler(json.loads(arguments["Payload"]))
        except RuntimeError as error:
            fault = json.dumps({"errorMessage": str(error), "errorType": "RuntimeError"})
            return {"FunctionError": "Unhandled", "Payload": io.BytesIO(fault.encode())}
        return {"StatusCode": 200, "Payload": io.BytesIO(json.dumps(answer).encode())}

    def put_lifecycle_event_hook_execution_status(self, **arguments: Any) -> dict[str, Any]:
        self.reported.append(arguments)
        return {}

    def verdict(self) -> str:
        """Run the hook; return the status that it reported to CodeDeploy."""
        written = io.StringIO()
        before = app.logger.registered_handler.setStream(written)  # type: ignore[attr-defined]
        try:
            answer = app.lambda_handler(dict(EVENT), Context())  # type: ignore[arg-type]
        finally:
            app.logger.registered_handler.setStream(before)  # type: ignore[attr-defined]
        self.log = written.getvalue()
        (report,) = self.reported
        assert report["deploymentId"] == EVENT["DeploymentId"]
        assert report["lifecycleEventHookExecutionId"] == EVENT["LifecycleEventHookExecutionId"]
        assert answer == {"status": report["status"]}
        return str(report["status"])

    def change(self, alter: Callable[[dict[str, Any]], None]) -> None:
        """Alter each prediction of the version."""
        handler = self.handler

        def altered(event: dict[str, Any]) -> Any:
            answer = handler(event)
            content = json.loads(answer["body"])
            for prediction in content["predictions"]:
                alter(prediction)
            return answer | {"body": json.dumps(content)}

        self.handler = altered


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, sample_bundle: Path) -> Iterator[None]:
    monkeypatch.setenv("CHURN_NEW_VERSION", VERSION)
    monkeypatch.setenv("CHURN_MODEL_DIR", os.fspath(sample_bundle))
    monkeypatch.delenv("CHURN_ENVIRONMENT", raising=False)
    loaded_predictor.cache_clear()
    yield
    loaded_predictor.cache_clear()


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Cloud:
    made = Cloud()
    monkeypatch.setattr(app, "lambda_client", lambda: made)
    monkeypatch.setattr(app, "codedeploy_client", lambda: made)
    return made


def forge(bundle: Path, **changes: Any) -> None:
    """Change a bundle's manifest, with the digest and version of the new content."""
    path = bundle / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8")) | changes
    digest = manifest_digest(manifest)
    manifest |= {"model_digest": digest, "model_version": model_version(manifest["name"], digest)}
    path.write_text(json.dumps(manifest), encoding="utf-8")


@pytest.fixture
def own_bundle(monkeypatch: pytest.MonkeyPatch, sample_bundle: Path, tmp_path: Path) -> Path:
    """A copy that a test may change; both the version and the hook use it."""
    for name in ("manifest.json", "model.onnx"):
        (tmp_path / name).write_bytes((sample_bundle / name).read_bytes())
    monkeypatch.setenv("CHURN_MODEL_DIR", os.fspath(tmp_path))
    return tmp_path


def test_a_version_with_the_model_of_the_deployment_passes(cloud: Cloud) -> None:
    assert cloud.verdict() == "Succeeded"
    assert cloud.invoked == [VERSION]
    (line,) = [json.loads(text) for text in cloud.log.splitlines()]
    assert (line["message"], line["version"]) == ("passed", VERSION)
    assert line["golden_rows"] > RANDOM_ROWS


@pytest.mark.parametrize(
    "alter",
    [
        lambda row: row.update(churn_probability=row["churn_probability"] + 2e-6),
        lambda row: row.update(churn_probability=math.nan),
        lambda row: row.update(
            churn_probability=1 - row["churn_probability"], will_churn=not row["will_churn"]
        ),
        lambda row: row.update(will_churn=not row["will_churn"]),
        lambda row: row.update(risk="medium" if row["risk"] == "low" else "low"),
        lambda row: row.update(model_version="churn-000000000000"),
        lambda row: row.pop("churn_probability"),
        lambda row: row.update(churn_probability=None),
    ],
    ids=["off by 2e-6", "nan", "other side", "decision", "risk", "other model", "no probability", "null"],
)
def test_a_version_that_answers_differently_is_refused(
    cloud: Cloud, alter: Callable[[dict[str, Any]], None]
) -> None:
    cloud.change(alter)
    assert cloud.verdict() == "Failed"


def test_the_difference_between_processor_types_is_accepted(cloud: Cloud) -> None:
    cloud.change(lambda row: row.update(churn_probability=row["churn_probability"] + 9e-7))
    assert cloud.verdict() == "Succeeded"


def test_a_version_with_another_model_is_refused(cloud: Cloud, own_bundle: Path) -> None:
    # The version has already loaded its bundle; the hook then finds another one in its zip.
    loaded_predictor()
    forge(own_bundle, name="another")
    assert cloud.verdict() == "Failed"


def raising(event: dict[str, Any]) -> Any:
    raise RuntimeError("out of memory")


NO_PREDICTIONS: Final = "without a list of predictions"


@pytest.mark.parametrize(
    ("handler", "reason"),
    [
        (raising, "(Unhandled)"),
        (lambda event: {"statusCode": 503, "body": '{"status": 503}'}, "status 503"),
        (lambda event: {"statusCode": 200, "body": "{}"}, NO_PREDICTIONS),
        (lambda event: {"statusCode": 200, "body": "no json"}, NO_PREDICTIONS),
        (lambda event: {"statusCode": 200, "body": '{"predictions": []}'}, " 0 scores"),
        (lambda event: {"statusCode": 200, "body": '{"predictions": 16}'}, NO_PREDICTIONS),
        (lambda event: {"statusCode": 200}, NO_PREDICTIONS),
        (lambda event: None, "status None"),
        (lambda event: "a text", "status None"),
    ],
    ids=["raises", "503", "nothing", "no json", "no rows", "a number", "no body", "null", "text"],
)
def test_a_version_that_does_not_score_is_refused(
    cloud: Cloud, handler: Callable[..., Any], reason: str
) -> None:
    cloud.handler = handler
    assert cloud.verdict() == "Failed"
    assert reason in cloud.log


def test_a_version_without_its_model_answers_503_and_is_refused(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, sample_bundle: Path, tmp_path: Path
) -> None:
    def without_model(event: dict[str, Any]) -> Any:
        monkeypatch.setenv("CHURN_MODEL_DIR", os.fspath(tmp_path))
        return score_app.lambda_handler(event, Context())

    cloud.handler = without_model
    assert cloud.verdict() == "Failed"


def test_an_unexpected_error_is_reported_as_failed(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(**arguments: Any) -> dict[str, Any]:
        raise ConnectionError("no network")

    monkeypatch.setattr(cloud, "invoke", broken)
    assert cloud.verdict() == "Failed"


@pytest.mark.parametrize("variable", ["CHURN_NEW_VERSION", "CHURN_MODEL_DIR"])
def test_a_missing_setting_is_reported_as_failed(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.delenv(variable)
    assert cloud.verdict() == "Failed"


def test_a_bundle_without_golden_rows_is_refused(cloud: Cloud, own_bundle: Path) -> None:
    forge(own_bundle, golden_rows=[])
    assert cloud.verdict() == "Failed"
    assert "golden_rows" in cloud.log


@pytest.mark.parametrize(
    ("environment", "verdict"), [("dev", "Succeeded"), ("staging", "Failed"), ("prod", "Failed")]
)
def test_a_sample_model_is_refused_outside_dev(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, own_bundle: Path, environment: str, verdict: str
) -> None:
    forge(own_bundle, sample=True)
    monkeypatch.setenv("CHURN_ENVIRONMENT", environment)
    assert cloud.verdict() == verdict


def test_a_trained_model_passes_in_prod(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHURN_ENVIRONMENT", "prod")
    assert cloud.verdict() == "Succeeded"


def test_the_hook_fails_if_it_cannot_report_to_codedeploy(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**arguments: Any) -> dict[str, Any]:
        raise ConnectionError("no CodeDeploy")

    monkeypatch.setattr(cloud, "put_lifecycle_event_hook_execution_status", refuse)
    with pytest.raises(ConnectionError):
        app.lambda_handler(dict(EVENT), Context())  # type: ignore[arg-type]


def test_the_event_has_the_members_of_api_gateways_event() -> None:
    events = Path(__file__).resolve().parents[3] / "events"
    theirs = json.loads((events / "predict-batch.json").read_text(encoding="utf-8"))
    ours = proxy_event([{"tenure": 1}])
    assert set(ours) == set(theirs)
    assert (ours["path"], ours["httpMethod"]) == (theirs["path"], theirs["httpMethod"]) == (PATH, "POST")
    assert set(ours["requestContext"]) <= set(theirs["requestContext"])


def test_both_clients_send_requests_that_botocores_service_models_accept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from botocore.response import StreamingBody
    from botocore.stub import Stubber

    for name, value in (
        *(("AWS_ACCESS_KEY_ID", "none"), ("AWS_SECRET_ACCESS_KEY", "none")),
        ("AWS_DEFAULT_REGION", "eu-west-1"),
    ):
        monkeypatch.setenv(name, value)
    client, deploy = aws.lambda_client(), aws.codedeploy_client()
    content = b'{"statusCode": 503}'
    with Stubber(client) as function, Stubber(deploy) as deployment:
        function.add_response(
            "invoke",
            {"StatusCode": 200, "Payload": StreamingBody(io.BytesIO(content), len(content))},
            {"FunctionName": VERSION, "InvocationType": "RequestResponse", "Payload": b'{"a": 1}'},
        )
        deployment.add_response(
            "put_lifecycle_event_hook_execution_status",
            {},
            {
                "deploymentId": EVENT["DeploymentId"],
                "lifecycleEventHookExecutionId": EVENT["LifecycleEventHookExecutionId"],
                "status": "Failed",
            },
        )
        assert aws.invoke_version(client, VERSION, {"a": 1}) == {"statusCode": 503}
        aws.report(deploy, EVENT, "Failed")
        function.assert_no_pending_responses()
        deployment.assert_no_pending_responses()

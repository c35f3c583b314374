"""Call the score function as API Gateway does, and keep its answers and logs."""

from __future__ import annotations

import base64
import io
import json
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import Any, Final

from functions.score import app
from functions.score.errors import FAULT_CODES, Problem

REQUEST_ID: Final = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"
PROBLEM_MEMBERS: Final = {"type", "title", "status", "detail", "instance", "errors"}


@dataclass
class Context:
    """The context that Lambda passes to a handler."""

    remaining_milliseconds: int = 10_000
    aws_request_id: str = "0f9b1c8e-1111-2222-3333-444455556666"
    function_name: str = "churn-score"
    function_version: str = "1"
    memory_limit_in_mb: int = 1024
    invoked_function_arn: str = "arn:aws:lambda:eu-west-1:123456789012:function:churn-score"

    def get_remaining_time_in_millis(self) -> int:
        return self.remaining_milliseconds


@dataclass(frozen=True)
class Answer:
    """An answer, and the log lines of its request."""

    status: int
    headers: dict[str, str]
    body: str
    log: str

    @property
    def content(self) -> Any:
        return json.loads(self.body)

    @property
    def problem(self) -> str:
        """The problem's kind; fails unless the answer is a well-formed problem."""
        content = self.content
        assert self.headers["content-type"] == "application/problem+json"
        assert self.headers["cache-control"] == "no-store"
        assert PROBLEM_MEMBERS - {"errors"} <= set(content) <= PROBLEM_MEMBERS
        assert content["status"] == self.status
        prefix, _, kind = content["type"].rpartition(":")
        assert prefix == "urn:churn:problem"
        (listed,) = (problem for problem in Problem if problem.kind == kind)
        assert (content["status"], content["title"]) == (listed.status, listed.title)
        return str(kind)

    @property
    def errors(self) -> list[tuple[list[str | int], str]]:
        """Places and codes of a problem; fails for a code outside the closed list."""
        assert all(set(error) == {"loc", "code"} for error in self.content["errors"])
        assert {error["code"] for error in self.content["errors"]} <= set(FAULT_CODES)
        return [(error["loc"], error["code"]) for error in self.content["errors"]]

    @property
    def log_lines(self) -> list[dict[str, Any]]:
        """The log; every line must be JSON."""
        return [json.loads(line) for line in self.log.splitlines()]


def event(
    path: str = "/predict",
    body: str | bytes | None = None,
    method: str = "POST",
    headers: dict[str, str] | None = None,
    query: dict[str, str] | None = None,
) -> dict[str, Any]:
    """Return API Gateway's proxy event; a body of bytes is encoded as base64."""
    encoded = isinstance(body, bytes)
    return {
        "resource": path,
        "path": path,
        "httpMethod": method,
        "headers": {"Content-Type": "application/json"} if headers is None else headers,
        "multiValueHeaders": None,
        "queryStringParameters": query,
        "multiValueQueryStringParameters": query and {name: [value] for name, value in query.items()},
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": {"requestId": REQUEST_ID, "stage": "live", "path": f"/live{path}"},
        "body": base64.b64encode(body).decode() if isinstance(body, bytes) else body,
        "isBase64Encoded": encoded,
    }


def invoke(content: Any, context: Context | None = None) -> Answer:
    """Invoke the function with an event."""
    written = io.StringIO()
    with redirect_stdout(written), redirect_stderr(written):
        before = app.logger.registered_handler.setStream(written)  # type: ignore[attr-defined]
        try:
            answer = app.lambda_handler(content, context or Context())
        finally:
            app.logger.registered_handler.setStream(before)  # type: ignore[attr-defined]
    assert set(answer) >= {"statusCode", "body", "multiValueHeaders", "isBase64Encoded"}
    assert answer["isBase64Encoded"] is False
    headers = {name.lower(): ", ".join(values) for name, values in answer["multiValueHeaders"].items()}
    return Answer(answer["statusCode"], headers, answer["body"], written.getvalue())


def post(
    path: str,
    body: Any,
    headers: dict[str, str] | None = None,
    query: dict[str, str] | None = None,
    context: Context | None = None,
) -> Answer:
    """Post a body: text and bytes as they are, anything else as JSON."""
    raw = body if body is None or isinstance(body, (str, bytes)) else json.dumps(body)
    return invoke(event(path, raw, headers=headers, query=query), context)


def get(path: str) -> Answer:
    """Get a path."""
    return invoke(event(path, method="GET", headers={}))

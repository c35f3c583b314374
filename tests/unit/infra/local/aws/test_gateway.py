"""The local gateway behaves like API Gateway with this template, over real HTTP."""

from __future__ import annotations

import base64
import http.client
import json
import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import pytest
import uvicorn

from infra.local.aws.gateway import LARGEST_EVENT, Gateway
from infra.local.aws.remote_function import FunctionError, encoded_event
from infra.local.template_settings import TemplateSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TEMPLATE: Final = TemplateSettings()
FINE: Final = {"statusCode": 200, "multiValueHeaders": {"X-Two": ["a", "b"]}, "body": '"größe"'}


class Client:
    """Calls a gateway; `events` are the events that its function received."""

    def __init__(self, address: tuple[str, int], events: list[dict[str, Any]]) -> None:
        self._address = address
        self.events = events

    def call(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        connection = http.client.HTTPConnection(*self._address, timeout=60)
        connection.request(method, path, body, headers or {"Content-Type": "application/json"})
        answer = connection.getresponse()
        found = answer.status, answer.headers, answer.read()
        connection.close()
        return found


@contextmanager
def gateway(answer: Callable[[], Any] = lambda: FINE, **settings: Any) -> Iterator[Client]:
    """A gateway in front of a function with a fixed answer."""
    events: list[dict[str, Any]] = []

    def invoke(event: Any) -> Any:
        events.append(event)
        return answer()

    app = Gateway(TEMPLATE, invoke, **settings)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield Client(listener.getsockname(), events)
        finally:
            server.should_exit = True
            thread.join()


def check_refusal(answer: tuple[int, http.client.HTTPMessage, bytes], name: str) -> dict[str, Any]:
    """Compare an answer with the template's gateway response; return its body."""
    expected = TEMPLATE.gateway_response(name)
    status, headers, body = answer
    content: dict[str, Any] = json.loads(body)
    assert status == expected.status
    assert {key: headers[key] for key in expected.headers} == expected.headers
    assert content == json.loads(expected.body.replace("$context.requestId", content["instance"]))
    assert "$" not in content["instance"]
    return content


@pytest.mark.parametrize(("method", "path"), TEMPLATE.routes())
def test_each_route_of_the_template_reaches_the_function(method: str, path: str) -> None:
    with gateway() as client:
        status, headers, body = client.call(method, path)
    assert (status, headers.get_all("X-Two"), body.decode()) == (200, ["a", "b"], '"größe"')
    (event,) = client.events
    assert (event["httpMethod"], event["path"]) == (method, path)


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/other"), ("GET", "/predict"), ("DELETE", "/predict"), ("POST", "/predict/"), ("GET", "/")],
)
def test_unknown_routes_are_refused_without_a_call_of_the_function(method: str, path: str) -> None:
    with gateway() as client:
        check_refusal(client.call(method, path), "MISSING_AUTHENTICATION_TOKEN")
    assert client.events == []


def test_a_request_becomes_a_proxy_event() -> None:
    with gateway() as client:
        client.call("POST", "/predict?reasons=all&a=1&a=2", '{"a": "ü"}'.encode(), {"X-Some": "thing"})
    (event,) = client.events
    assert event["queryStringParameters"] == {"reasons": "all", "a": "2"}
    assert event["multiValueQueryStringParameters"] == {"reasons": ["all"], "a": ["1", "2"]}
    assert event["headers"]["x-some"] == "thing"
    assert (event["body"], event["isBase64Encoded"]) == ('{"a": "ü"}', False)
    assert event["requestContext"]["requestId"]


def test_a_binary_body_is_sent_as_base64() -> None:
    with gateway() as client:
        client.call("POST", "/predict", b"\xff\x00")
    (event,) = client.events
    assert (base64.b64decode(event["body"]), event["isBase64Encoded"]) == (b"\xff\x00", True)


def test_a_request_of_the_largest_size_is_accepted_and_one_byte_more_is_refused() -> None:
    with gateway() as client:
        client.call("POST", "/predict", b"x" * 1_000_000)
        # The Content-Length header keeps its number of digits.
        room = LARGEST_EVENT - len(encoded_event(client.events[0])) + 1_000_000
        assert client.call("POST", "/predict", b"x" * room)[0] == 200
        assert len(encoded_event(client.events[1])) == LARGEST_EVENT
        check_refusal(client.call("POST", "/predict", b"x" * (room + 1)), "REQUEST_TOO_LARGE")
        check_refusal(client.call("POST", "/predict", b"x" * 2 * LARGEST_EVENT), "REQUEST_TOO_LARGE")
    assert len(client.events) == 2


def test_what_grows_over_the_limit_on_its_way_is_check_refusal() -> None:
    with gateway() as client:
        check_refusal(client.call("POST", "/predict", b"\xff" * 5_000_000), "REQUEST_TOO_LARGE")
        # Two bytes per letter, in the request and in the event.
        assert client.call("POST", "/predict", ("ü" * 1_500_000).encode())[0] == 200


def fail() -> Any:
    raise FunctionError("the function died of 29.85")


@pytest.mark.parametrize(
    "answer",
    [
        fail,
        lambda: None,
        lambda: "fine",
        lambda: {"body": "fine"},
        lambda: FINE | {"statusCode": "200"},
        lambda: FINE | {"multiValueHeaders": None},
        lambda: FINE | {"body": {"a": 1}},
    ],
)
def test_a_function_that_fails_or_answers_in_another_form_is_a_bad_gateway(answer: Any) -> None:
    with gateway(answer) as client:
        content = check_refusal(client.call("POST", "/predict", b"{}"), "INTEGRATION_FAILURE")
    assert "29.85" not in str(content)


def test_a_function_that_takes_too_long_is_given_up() -> None:
    may_end = threading.Event()
    with gateway(lambda: may_end.wait(timeout=60) and FINE, patience_seconds=0.05) as client:
        check_refusal(client.call("POST", "/predict", b"{}"), "INTEGRATION_TIMEOUT")
        may_end.set()


def test_each_request_has_an_id_of_its_own() -> None:
    with gateway() as client:
        ids = {json.loads(client.call("GET", "/other")[2])["instance"] for _ in range(3)}
    assert len(ids) == 3

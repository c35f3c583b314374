"""Clients that send half a request, too much, or no HTTP: the local servers end each within its limits."""

from __future__ import annotations

import json
import logging
import socket
import threading
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Final

import pytest
import uvicorn

from functions.score.limits import MAX_HEADER_BYTES
from functions.serve import http_server
from functions.serve.asgi_gateway import guarded, proxy_event, read_body, send_answer
from functions.serve.http_server import MAX_UNPARSED_BYTES, server_settings

if TYPE_CHECKING:
    from collections.abc import Iterator, MutableMapping

    from functions.serve.asgi_gateway import Receive, Send

SHORT: Final = 0.4
"""Seconds that the servers of these tests wait for a head or a body."""
PATIENCE: Final = 20.0
LARGE: Final = 20_000_000
GET_LARGE: Final = b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n"
START: Final = b"POST /predict HTTP/1.1\r\nHost: localhost\r\n"
HALF_A_BODY: Final = START + b"Content-Length: 500\r\n\r\n{"


async def application(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
    """Answer with the path, the headers and the length of the body.

    `/page` is answered without the body, and `/large` with more than the operating system buffers.
    """
    if scope["path"] == "/large":
        await send_answer(send, {"statusCode": 200, "multiValueHeaders": {}, "body": "x" * LARGE})
        return
    body = b"" if scope["path"] == "/page" else await read_body(receive, 1_000)
    if body is None:
        return
    event = proxy_event(scope, body, "id")
    content = {"path": event["path"], "headers": event["multiValueHeaders"], "length": len(body)}
    await send_answer(send, {"statusCode": 200, "multiValueHeaders": {}, "body": json.dumps(content)})


class Running:
    """A server in a thread, and its address."""

    def __init__(self, server: uvicorn.Server, thread: threading.Thread, address: tuple[str, int]) -> None:
        self.server = server
        self.thread = thread
        self.address = address

    def connect(self) -> socket.socket:
        return socket.create_connection(self.address, timeout=PATIENCE)

    def exchange(self, *parts: bytes) -> tuple[int, dict[str, str], bytes]:
        """Send parts, and read one answer until the server closes the connection."""
        with self.connect() as connection:
            for part in parts:
                connection.sendall(part)
            return answer(connection)


def answer(connection: socket.socket) -> tuple[int, dict[str, str], bytes]:
    received = b"".join(iter(lambda: connection.recv(65_536), b""))
    if not received:
        return 0, {}, b""
    head, _, body = received.partition(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    return int(status.split()[1]), headers, body


def check_problem(found: tuple[int, dict[str, str], bytes], status: int) -> dict[str, Any]:
    assert found[0] == status
    assert found[1]["content-type"] == "application/problem+json"
    content: dict[str, Any] = json.loads(found[2])
    assert set(content) == {"type", "title", "status", "detail", "instance"}
    assert content["status"] == status
    return content


@contextmanager
def running(hosts: tuple[str, ...] = ()) -> Iterator[Running]:
    settings = server_settings() | {"log_level": "critical", "timeout_keep_alive": 1}
    server = uvicorn.Server(uvicorn.Config(guarded(application, hosts), lifespan="off", **settings))
    with socket.create_server(("127.0.0.1", 0), backlog=1_000) as listener:
        address = listener.getsockname()
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            yield Running(server, thread, address)
        finally:
            server.should_exit = True
            thread.join(timeout=PATIENCE)
    assert not thread.is_alive()


@pytest.fixture(scope="module")
def served() -> Iterator[Running]:
    with running(("churn.test", "[fe80::1]")) as server:
        yield server


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    monkeypatch.setattr(http_server, "HEAD_SECONDS", SHORT)
    monkeypatch.setattr(http_server, "BODY_SECONDS", SHORT)
    monkeypatch.setattr(http_server, "UNREAD_SECONDS", SHORT)
    with running() as server:
        yield server


@pytest.mark.parametrize("begun", [START, HALF_A_BODY, START + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab"])
def test_a53_a_request_that_does_not_end_is_answered_408(impatient: Running, begun: bytes) -> None:
    check_problem(impatient.exchange(begun), 408)


@pytest.mark.parametrize("begun", [START, HALF_A_BODY])
def test_a53_sending_one_byte_at_a_time_does_not_extend_the_time(impatient: Running, begun: bytes) -> None:
    with impatient.connect() as connection:
        connection.sendall(begun)
        connection.settimeout(SHORT / 8)
        started = time.monotonic()
        received = b""
        while b"408" not in received and time.monotonic() - started < PATIENCE:
            connection.sendall(b"x")
            try:
                received += connection.recv(100)
            except TimeoutError:
                continue
    assert b"408" in received


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        # Answered before its body, which then does not end.
        b"POST /page HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500\r\n\r\n{",
        # Empty lines after an answer are no next request.
        b"GET /page HTTP/1.1\r\nHost: localhost\r\n\r\n\r\n",
    ],
)
def test_a53_an_idle_connection_is_closed(impatient: Running, sent: bytes) -> None:
    with impatient.connect() as connection:
        if sent:
            connection.sendall(sent)
        assert answer(connection)[0] == (200 if sent else 0)


@pytest.mark.parametrize("requests", [1, 20])
def test_a53_a_client_that_does_not_read_its_answers_is_disconnected(
    impatient: Running, requests: int
) -> None:
    with impatient.connect() as connection:
        connection.sendall(GET_LARGE * requests)
        connections = impatient.server.server_state.connections
        started = time.monotonic()
        while not connections or time.monotonic() - started < SHORT:
            time.sleep(0.01)
        while connections and time.monotonic() - started < PATIENCE:
            time.sleep(0.01)
        assert not connections
        assert len(answer(connection)[2]) < LARGE * requests


def test_a_client_that_reads_slowly_gets_its_whole_answer(impatient: Running) -> None:
    with impatient.connect() as connection:
        connection.sendall(GET_LARGE)
        received = 0
        while received < LARGE:
            received += len(connection.recv(1_000_000))
            time.sleep(SHORT / 10)


def test_a53_the_server_stops_while_a_client_does_not_read(caplog: pytest.LogCaptureFixture) -> None:
    with running() as server, server.connect() as connection:
        connection.sendall(GET_LARGE * 20)
        time.sleep(0.3)
        logging.getLogger("uvicorn.error").setLevel("INFO")
        server.server.should_exit = True
        server.thread.join(timeout=PATIENCE)
        assert not server.thread.is_alive()
    assert not [entry for entry in caplog.records if entry.levelno >= logging.ERROR]


def test_a_kept_connection_has_its_time_for_each_request(impatient: Running) -> None:
    with impatient.connect() as connection:
        for _ in range(3):
            connection.sendall(START + b"Content-Length: 2\r\n\r\n{}")
            received = b""
            while b'"length": 2}' not in received:
                received += connection.recv(65_536)
            assert received.startswith(b"HTTP/1.1 200")
            time.sleep(SHORT * 0.7)


@pytest.mark.parametrize("begun", [b"", START, HALF_A_BODY, b"GET /page HTTP/1.1\r\nHost: localhost\r\n\r\n"])
def test_a53_the_server_stops_while_a_client_withholds_the_end(begun: bytes) -> None:
    with running() as server, server.connect() as connection:
        connection.sendall(begun)
        if b"page" in begun:
            connection.recv(65_536)
        time.sleep(0.2)
        server.server.should_exit = True
        started = time.monotonic()
        server.thread.join(timeout=PATIENCE)
        assert not server.thread.is_alive()
        assert time.monotonic() - started < 10
        if begun in (START, HALF_A_BODY):
            check_problem(answer(connection), 503)


def test_a56_of_too_many_connections_the_one_that_waits_longest_is_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http_server, "MAX_CONNECTIONS", 50)
    with running() as server, ExitStack() as stack:
        idle = [stack.enter_context(server.connect()) for _ in range(600)]
        status, _, _ = server.exchange(START + b"Connection: close\r\nContent-Length: 2\r\n\r\n{}")
        assert status == 200
        assert len(server.server.server_state.connections) <= 50
        assert answer(idle[0])[0] == 0
        idle[-1].sendall(START + b"Connection: close\r\nContent-Length: 2\r\n\r\n{}")
        assert answer(idle[-1])[0] == 200


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"GET\r\n\r\n",
        b"GET /health\r\n\r\n",
        b"GET /health HTTP/9.9\r\n\r\n",
        b"GET http://[ HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: a\x00b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: 1\r\n folded\r\n\r\n",
        START + b"Content-Length: -1\r\n\r\n",
        START + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n{}",
        START + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        START + b"Transfer-Encoding: chunked\r\n\r\nnonsense\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)
def test_a54_what_is_not_http_is_answered_with_a_problem(impatient: Running, sent: bytes) -> None:
    check_problem(impatient.exchange(sent), 400)


@pytest.mark.parametrize(
    "sent",
    [
        [b"GET /", b"a" * 1_000_000],
        [START, b"X: ", b"a" * 1_000_000],
        [START, b"X: " + b"a" * (MAX_UNPARSED_BYTES + 1)],
        [START, *([b"X: 1\r\n"] * 200_000)],
        # Trailers and chunk extensions are buffered as headers are.
        [START, b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX: ", b"a" * 1_000_000],
        [START, b"Transfer-Encoding: chunked\r\n\r\n1;", b"a" * 1_000_000],
    ],
    ids=["path", "line", "short-line", "many-lines", "trailer", "chunk-extension"],
)
def test_a47_an_unfinished_head_is_refused_while_it_is_read(served: Running, sent: list[bytes]) -> None:
    with served.connect() as connection:
        for part in (b"".join(sent[:2]), *sent[2:]) if len(sent) < 10 else [b"".join(sent)]:
            connection.sendall(part)
        check_problem(answer(connection), 431)


@pytest.mark.parametrize(("size", "status"), [(0, 200), (1, 431)])
def test_a47_repeated_headers_count_together(served: Running, size: int, status: int) -> None:
    rest = {b"host": b"localhost", b"connection": b"close"}
    left = MAX_HEADER_BYTES - sum(len(name) + len(value) for name, value in rest.items()) + size
    lines = [b"%s: %s\r\n" % item for item in rest.items()]
    while left > 110:
        lines.append(b"x-many: %s\r\n" % (b"a" * 94))
        left -= 100
    lines.append(b"x-many: %s\r\n" % (b"a" * (left - 6)))
    assert served.exchange(b"GET /page HTTP/1.1\r\n" + b"".join(lines) + b"\r\n")[0] == status


def test_the_event_holds_every_value_of_a_repeated_header_and_no_trailer(served: Running) -> None:
    head = START + b"X-A: 1\r\nX-A: 2\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    _, _, body = served.exchange(head + b"2\r\n{}\r\n0\r\nX-A: 3\r\n\r\n")
    assert json.loads(body)["headers"]["x-a"] == ["1", "2"]
    assert json.loads(body)["length"] == 2


@pytest.mark.parametrize(
    ("path", "expected"),
    [("/a%2Fb", "/a%2Fb"), ("/a%2fb/%C3%A9", "/a%2Fb/é"), ("/a%20b", "/a b")],
)
def test_a33_an_encoded_slash_separates_nothing(served: Running, path: str, expected: str) -> None:
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    assert json.loads(served.exchange(request.encode())[2])["path"] == expected


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST:8000", "localhost.", "127.0.0.1:1", "[::1]:80", "churn.test", "[fe80::1]"],
)
def test_the_servers_names_are_answered_for(served: Running, host: str) -> None:
    assert (
        served.exchange(f"GET /page HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())[0] == 200
    )


@pytest.mark.parametrize(
    "host",
    [
        "evil.test",
        "localhost.evil.test",
        "evil.test:8000",
        "",
        "localhost:x",
        "127.0.0.2",
        "a@localhost",
        "::1",
    ],
)
def test_a55_another_host_is_answered_421(served: Running, host: str) -> None:
    found = served.exchange(f"GET /page HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    assert "--allowed-host" in check_problem(found, 421)["detail"]


def test_http_1_0_needs_no_host(served: Running) -> None:
    assert served.exchange(b"GET /page HTTP/1.0\r\n\r\n")[0] == 200

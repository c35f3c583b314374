"""An HTTP proxy in front of S3 that loses, cuts, damages or delays answers, as a test demands."""

from __future__ import annotations

import http.client
import threading
from contextlib import nullcontext
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Literal, Self
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

Fault = Literal["lose-answer", "cut-body", "flip-byte", "hang-up", "stall", "stall-body", "slow-body"] | int
"""The fault of a request; a number is a status that is answered without forwarding the request."""

_LONGEST_STALL = 30
_SLOW_BYTES = 2_000
_SLOW_SECONDS = 0.05
_CODES = {403: "AccessDenied", 409: "ConditionalRequestConflict", 500: "InternalError", 503: "SlowDown"}


@dataclass
class Rule:
    """Applies a fault to the first `times` requests with a method and a text in their path."""

    method: str
    path_part: str
    fault: Fault | Callable[[], None]
    times: int = 10**6


@dataclass
class LossyProxy:
    """Forwards to an endpoint while the ``with`` block lasts.

    Attributes
    ----------
    rules : list of Rule
        The first rule that matches is applied. A callable fault runs, then the request is forwarded.
    seen : list of str
        Method and path of each request.
    """

    endpoint: str
    rules: list[Rule] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    # S3 checks a condition and writes in one step; moto in two, between which another request may come.
    put_lock: threading.Lock = field(default_factory=threading.Lock)
    closed: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"proxy": self}))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closed.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def fault_of(self, method: str, path: str) -> Fault | Callable[[], None] | None:
        self.seen.append(f"{method} {path}")
        for rule in self.rules:
            if rule.method == method and rule.path_part in path and rule.times > 0:
                rule.times -= 1
                return rule.fault
        return None


class _Handler(BaseHTTPRequestHandler):
    proxy: LossyProxy
    protocol_version = "HTTP/1.1"

    def _forward(self) -> None:
        body = self._body()
        fault = self.proxy.fault_of(self.command, self.path)
        if fault == "stall":
            self.proxy.closed.wait(_LONGEST_STALL)
        if fault in ("hang-up", "stall"):
            self.close_connection = True
            return
        if isinstance(fault, int):
            self._answer(fault, {}, _error(_CODES[fault]))
            return
        if callable(fault):
            fault()
        with self.proxy.put_lock if self.command == "PUT" else nullcontext():
            upstream = http.client.HTTPConnection(urlsplit(self.proxy.endpoint).netloc)
            upstream.request(self.command, self.path, body, dict(self.headers))
            answer = upstream.getresponse()
            content = answer.read()
            upstream.close()
        if fault == "lose-answer":
            self.close_connection = True
            return
        self._answer(answer.status, dict(answer.getheaders()), content, fault)

    def _body(self) -> bytes:
        if self.headers.get("Expect") == "100-continue":
            del self.headers["Expect"]
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def handle_expect_100(self) -> bool:
        self.send_response_only(100)
        self.end_headers()
        return True

    def _answer(self, status: int, headers: dict[str, str], content: bytes, fault: Any = None) -> None:
        self.send_response_only(status)
        length = headers.get("Content-Length", headers.get("content-length", str(len(content))))
        for name, value in headers.items():
            if name.lower() not in ("content-length", "connection", "transfer-encoding"):
                self.send_header(name, value)
        self.send_header("Content-Length", length)
        self.end_headers()
        if self.command == "HEAD":
            return
        if fault == "flip-byte":
            middle = len(content) // 2
            content = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
        if fault == "cut-body":
            content = content[: len(content) // 2]
            self.close_connection = True
        if fault == "slow-body":
            for start in range(0, len(content), _SLOW_BYTES):
                self.wfile.write(content[start : start + _SLOW_BYTES])
                self.proxy.closed.wait(_SLOW_SECONDS)
            return
        if fault == "stall-body":
            self.wfile.write(content[: len(content) // 2])
            self.wfile.flush()
            self.proxy.closed.wait(_LONGEST_STALL)
            self.close_connection = True
            return
        self.wfile.write(content)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _forward  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Write no log."""


def _error(code: str) -> bytes:
    return f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>planned fault</Message></Error>".encode()

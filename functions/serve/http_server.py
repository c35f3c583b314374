"""What the local web servers share: settings of uvicorn, and limits while a request is received.

uvicorn bounds neither the time that a client takes to send a request nor the bytes of a head (0.54.0).
"""

from __future__ import annotations

import json
import resource
import uuid
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from functions.score.limits import MAX_HEADER_BYTES

if TYPE_CHECKING:
    import asyncio

HEAD_SECONDS: Final = 10.0
"""Time for the request line and the headers, from the connection or from the first byte of a next request."""
BODY_SECONDS: Final = 30.0
"""Time for the body, from the end of the headers."""
UNREAD_SECONDS: Final = 30.0
"""Time in which a client must read a further part of its answers."""
GRACE_SECONDS: Final = 5
"""Time for the answers in progress when the server stops."""
MAX_UNPARSED_BYTES: Final = 2 * MAX_HEADER_BYTES
"""Bytes of an unfinished head, trailer or chunk header; twice the limit leaves room for separators."""
MAX_CONNECTIONS: Final = min(1_000, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2)
"""Open connections; one more closes the connection that has waited longest for its client."""
_LINGER_SECONDS: Final = 1.0
_ABORT_SECONDS: Final = GRACE_SECONDS - 0.5
"""Connections that are still open end before uvicorn cancels their requests, which logs tracebacks."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that no application sees, and the problem document (RFC 9457) that answers it."""

    status: HTTPStatus
    kind: str
    title: str
    detail: str

    def body(self) -> bytes:
        """Return the problem document, with an id of its own."""
        content = {
            "type": f"urn:churn:problem:{self.kind}",
            "title": self.title,
            "status": self.status.value,
            "detail": self.detail,
            "instance": str(uuid.uuid4()),
        }
        return json.dumps(content).encode()

    def headers(self, body: bytes) -> list[tuple[bytes, bytes]]:
        """Return the headers of the answer."""
        return [
            (b"content-type", b"application/problem+json"),
            (b"content-length", b"%d" % len(body)),
            (b"cache-control", b"no-store"),
            (b"x-content-type-options", b"nosniff"),
        ]


BAD_REQUEST: Final = Refusal(
    HTTPStatus.BAD_REQUEST,
    "bad-request",
    "Malformed HTTP request",
    "Send valid HTTP/1.1: request line, headers with exactly one Host, body or chunks.",
)
REQUEST_TIMEOUT: Final = Refusal(
    HTTPStatus.REQUEST_TIMEOUT,
    "request-timeout",
    "Request not received in time",
    f"Send the headers within {HEAD_SECONDS:.0f} seconds and the body within {BODY_SECONDS:.0f} more.",
)
UNKNOWN_HOST: Final = Refusal(
    HTTPStatus.MISDIRECTED_REQUEST,
    "unknown-host",
    "Unknown host",
    "The server answers for localhost and its own address, not for the name in the header Host. Start 'churn"
    " serve' with --allowed-host NAME to add a name.",
)
HEADERS_TOO_LARGE: Final = Refusal(
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    "headers-too-large",
    "Headers too large",
    f"The headers exceed {MAX_HEADER_BYTES:,} bytes; send fewer or shorter headers.",
)
UNAVAILABLE: Final = Refusal(
    HTTPStatus.SERVICE_UNAVAILABLE,
    "unavailable",
    "Server unavailable",
    "The server stops or has too many connections; send the request again later.",
)


class LimitedHttp(HttpToolsProtocol):
    """uvicorn's HTTP protocol; what it can't receive is answered with a problem document."""

    _timer: asyncio.TimerHandle | None = None
    _unread_timer: asyncio.TimerHandle | None = None
    _waiting_since = 0.0
    _in_body = False
    _refused = False
    # Bytes since the parser last completed something: what is buffered of a head, trailer or chunk header.
    _unparsed = 0
    _progress = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the time of the first head; make room if there are too many connections."""
        super().connection_made(transport)
        # Writing pauses at the first byte that the operating system does not take.
        transport.set_write_buffer_limits(high=0)
        self._waiting_since = self.loop.time()
        self._start_timer()
        if len(self.connections) > MAX_CONNECTIONS:
            waiting = [c for c in self.connections if isinstance(c, LimitedHttp) and c.is_waiting()]
            min(waiting, key=lambda connection: connection._waiting_since).refuse(UNAVAILABLE)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timers."""
        self._stop_timer()
        self._stop_unread_timer()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Start the time in which the client must read."""
        super().pause_writing()
        self._start_unread_timer()

    def resume_writing(self) -> None:
        """Stop that time: the client has read everything, or nearly so."""
        self._stop_unread_timer()
        super().resume_writing()

    def data_received(self, data: bytes) -> None:
        """Parse a part of a request, and check the limits."""
        if self._refused:
            return
        self._progress = False
        super().data_received(data)
        self._unparsed = 0 if self._progress else self._unparsed + len(data)
        if self._unparsed > MAX_UNPARSED_BYTES:
            self.refuse(HEADERS_TOO_LARGE)
        elif self._timer is None and not self.is_busy():
            self._start_timer()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; a trailer is ignored, since the application may have read the headers."""
        if not self._in_body:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Hand the request to the application; its body may follow."""
        super().on_headers_complete()
        self._in_body = self._progress = True
        self._stop_timer()

    def on_body(self, body: bytes) -> None:
        """Keep a part of the body."""
        self._progress = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Note that the request is complete."""
        super().on_message_complete()
        self._in_body, self._progress = False, True
        self._stop_timer()

    def on_response_complete(self) -> None:
        """Wait for the connection's next request."""
        super().on_response_complete()
        self._waiting_since = self.loop.time()

    def is_busy(self) -> bool:
        """Return whether the application works on a complete request, so the client waits."""
        cycle = self.cycle
        return cycle is not None and not cycle.more_body and not cycle.response_complete

    def is_waiting(self) -> bool:
        """Return whether the server waits for the client's next bytes."""
        return not self.is_busy() and not self.transport.is_closing()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002
        """Answer what is not HTTP."""
        self.refuse(BAD_REQUEST)

    def shutdown(self) -> None:
        """Close the connection if its client has not sent a whole request; else answer first.

        An answer that the client does not read in time is cut off.
        """
        self.loop.call_later(_ABORT_SECONDS, self.transport.abort)
        if self.is_busy():
            super().shutdown()
        else:
            self.refuse(UNAVAILABLE)

    def refuse(self, refusal: Refusal) -> None:
        """Answer the request that is being received, if any, and close the connection."""
        if self._refused or self.transport.is_closing():
            return
        self._refused = True
        self._stop_timer()
        self._unset_keepalive_if_required()
        self.connections.discard(self)
        cycle = self.cycle
        answered = cycle is not None and cycle.response_started and (self._in_body or self.is_busy())
        begun = self._in_body or self._unparsed > 0 or refusal is BAD_REQUEST
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = True
            cycle.message_event.set()
        if answered or not begun:
            self.transport.close()
            return
        body = refusal.body()
        head = [b"HTTP/1.1 %d %s" % (refusal.status, refusal.status.phrase.encode())]
        head += [b"%s: %s" % header for header in [*refusal.headers(body), (b"connection", b"close")]]
        self.transport.write(b"\r\n".join([*head, b"", body]))
        # Closing with unread bytes resets the connection, and the client may lose the answer. So the rest is
        # read and ignored for a moment.
        self.transport.write_eof()
        self.flow.resume_reading()
        self.loop.call_later(_LINGER_SECONDS, self.transport.abort)

    def _start_timer(self) -> None:
        seconds = BODY_SECONDS if self._in_body else HEAD_SECONDS
        self._timer = self.loop.call_later(seconds, self._time_out)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _start_unread_timer(self) -> None:
        unread = self.transport.get_write_buffer_size()
        self._unread_timer = self.loop.call_later(UNREAD_SECONDS, self._end_if_unread, unread)

    def _stop_unread_timer(self) -> None:
        if self._unread_timer is not None:
            self._unread_timer.cancel()
            self._unread_timer = None

    def _end_if_unread(self, before: int) -> None:
        if self.transport.get_write_buffer_size() < before:
            self._start_unread_timer()
        else:
            self.transport.abort()

    def _time_out(self) -> None:
        self._timer = None
        if not self.is_busy():
            self.refuse(REQUEST_TIMEOUT)


def server_settings() -> dict[str, Any]:
    """Return the settings of uvicorn that all local servers share."""
    return {
        "http": LimitedHttp,
        # Not uvloop: it accepts one connection per loop turn, so a burst of clients waits for seconds.
        "loop": "asyncio",
        "ws": "none",
        "log_level": "warning",
        "access_log": False,
        "server_header": False,
        "timeout_graceful_shutdown": GRACE_SECONDS,
    }

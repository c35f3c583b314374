"""API Gateway's work between HTTP and a Lambda, for a local ASGI server.

A request becomes a proxy event, its body base64 if it is not UTF-8. The Lambda's answer becomes an HTTP
response. A request for another host or with too large headers reaches no application.
"""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, unquote

from functions.score.limits import MAX_HEADER_BYTES
from functions.serve.http_server import BAD_REQUEST, HEADERS_TOO_LARGE, UNKNOWN_HOST

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, MutableMapping

    from functions.serve.http_server import Refusal

    Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
    Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
    Application = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

LOCAL_HOSTS: Final = ("localhost", "127.0.0.1", "::1")
_HOST: Final = re.compile(r"(\[[0-9a-f:.]+\]|[^:\[\]]+)(?::[0-9]*)?")
_ENCODED_SLASH: Final = re.compile("%2f", re.IGNORECASE)


def guarded(application: Application, hosts: Iterable[str]) -> Application:
    """Return an application that refuses requests for other hosts, and requests with too large headers.

    A web page can make its own name resolve to 127.0.0.1 and then read answers (DNS rebinding). The header
    Host still has the page's name.

    Parameters
    ----------
    application : callable
    hosts : iterable of str
        Names and addresses that are answered for, besides `LOCAL_HOSTS` and the address that the client has
        connected to.
    """
    names = host_names(hosts)

    async def guard(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        refusal = _refusal(scope, names) if scope["type"] == "http" else None
        if refusal is None:
            await application(scope, receive, send)
        else:
            body = refusal.body()
            await send(
                {
                    "type": "http.response.start",
                    "status": refusal.status.value,
                    "headers": refusal.headers(body),
                }
            )
            await send({"type": "http.response.body", "body": body})

    return guard


def _refusal(scope: MutableMapping[str, Any], names: set[str]) -> Refusal | None:
    if sum(len(name) + len(value) for name, value in scope["headers"]) > MAX_HEADER_BYTES:
        return HEADERS_TOO_LARGE
    hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
    if len(hosts) != 1:
        # HTTP/1.0 has no header Host.
        return None if not hosts and scope["http_version"] == "1.0" else BAD_REQUEST
    name = host_name(hosts[0])
    return None if name in names or name == (scope.get("server") or ("",))[0] else UNKNOWN_HOST


def host_names(hosts: Iterable[str]) -> set[str]:
    """Return the names that a local server answers for, besides the given ones `LOCAL_HOSTS`."""
    return {_without_brackets(host) for host in (*LOCAL_HOSTS, *hosts)}


def host_name(header: str) -> str | None:
    """Return the name in a header Host, without port; None if the header is malformed."""
    found = _HOST.fullmatch(header.lower())
    return None if found is None else _without_brackets(found[1])


def _without_brackets(text: str) -> str:
    return text.lower().strip("[]").removesuffix(".")


def request_path(scope: MutableMapping[str, Any]) -> str:
    """Return a request's path with percent-encoding decoded, except for ``%2F``: it separates nothing."""
    raw = scope["raw_path"].decode("ascii")
    return "%2F".join(unquote(part) for part in _ENCODED_SLASH.split(raw)) if "%" in raw else raw


async def read_body(receive: Receive, limit: int) -> bytes | None:
    """Read a body, or return None if the client has gone.

    Of a body over the limit (bytes), keep enough to show that it is too large.
    """
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        part = message.get("body", b"")
        if size <= limit:
            parts.append(part)
        size += len(part)
        if not message.get("more_body", False):
            return b"".join(parts)


def proxy_event(scope: MutableMapping[str, Any], body: bytes, request_id: str) -> dict[str, Any]:
    """Return API Gateway's (REST) proxy event for a request."""
    headers: dict[str, list[str]] = {}
    for name, value in scope["headers"]:
        headers.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    path = request_path(scope)
    query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    try:
        text, encoded = body.decode("utf-8"), False
    except UnicodeDecodeError:
        text, encoded = base64.b64encode(body).decode("ascii"), True
    return {
        "resource": path,
        "path": path,
        "httpMethod": scope["method"],
        "headers": {name: values[-1] for name, values in headers.items()},
        "multiValueHeaders": headers,
        "queryStringParameters": {name: values[-1] for name, values in query.items()},
        "multiValueQueryStringParameters": query,
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": {"requestId": request_id, "stage": "local", "path": path},
        "body": text or None,
        "isBase64Encoded": encoded,
    }


async def send_answer(send: Send, answer: dict[str, Any], *, to_head: bool = False) -> None:
    """Send a Lambda's answer to a proxy event.

    Parameters
    ----------
    send : callable
    answer : dict
    to_head : bool
        Whether the request's method is HEAD: then no length is sent, because that of a GET is not known.
    """
    headers = [
        (name.lower().encode("latin-1"), value.encode("latin-1"))
        for name, values in answer["multiValueHeaders"].items()
        for value in values
    ]
    body = answer["body"].encode("utf-8")
    if not to_head:
        headers.append((b"content-length", str(len(body)).encode("ascii")))
    await send({"type": "http.response.start", "status": answer["statusCode"], "headers": headers})
    await send({"type": "http.response.body", "body": body})

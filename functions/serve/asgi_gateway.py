"""API Gateway's work between HTTP and a Lambda, for a local ASGI server.

A request becomes a proxy event, its body base64 if it is not UTF-8. The Lambda's answer becomes an HTTP
response.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
    Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


async def read_body(receive: Receive, limit: int) -> bytes:
    """Read a body; of a body over the limit (bytes), keep enough to show that it is too large."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        part = message.get("body", b"")
        if size <= limit:
            parts.append(part)
        size += len(part)
        if not message.get("more_body", False):
            return b"".join(parts)


def proxy_event(scope: MutableMapping[str, Any], body: bytes, request_id: str) -> dict[str, Any]:
    """Return API Gateway's (REST) proxy event for a request."""
    headers: dict[str, str] = {}
    for name, value in scope["headers"]:
        headers[name.decode("latin-1").lower()] = value.decode("latin-1")
    query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    try:
        text, encoded = body.decode("utf-8"), False
    except UnicodeDecodeError:
        text, encoded = base64.b64encode(body).decode("ascii"), True
    return {
        "resource": scope["path"],
        "path": scope["path"],
        "httpMethod": scope["method"],
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": {name: values[-1] for name, values in query.items()},
        "multiValueQueryStringParameters": query,
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": {"requestId": request_id, "stage": "local", "path": scope["path"]},
        "body": text or None,
        "isBase64Encoded": encoded,
    }


async def send_answer(send: Send, answer: dict[str, Any]) -> None:
    """Send a Lambda's answer to a proxy event."""
    headers = [
        (name.lower().encode("latin-1"), value.encode("latin-1"))
        for name, values in answer["multiValueHeaders"].items()
        for value in values
    ]
    body = answer["body"].encode("utf-8")
    headers.append((b"content-length", str(len(body)).encode("ascii")))
    await send({"type": "http.response.start", "status": answer["statusCode"], "headers": headers})
    await send({"type": "http.response.body", "body": body})

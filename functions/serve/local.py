"""The API as an ASGI application: the Lambda's own resolver, without API Gateway."""

from __future__ import annotations

import itertools
import uuid
from typing import TYPE_CHECKING, Any, Final, cast

from functions.score.app import respond
from functions.score.limits import MAX_BODY_BYTES
from functions.score.measurement import RequestMeasurement
from functions.score.settings import ScoreSettings
from functions.serve.asgi_gateway import proxy_event, read_body, request_path, send_answer
from functions.serve.pages import is_page, page, report_page

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from aws_lambda_powertools.utilities.typing import LambdaContext

    from functions.serve.asgi_gateway import Receive, Send
    from functions.serve.pages import Page


# Process and number make a unique request id, faster than a random id for each request.
_PROCESS: Final = uuid.uuid4()
_requests: Final = itertools.count(1)


class LocalContext:
    """A Lambda context with a new request id; no request times out here."""

    function_name = "churn-score-local"
    function_version = "$LATEST"
    memory_limit_in_mb = 1024
    invoked_function_arn = "arn:aws:lambda:local:000000000000:function:churn-score-local"

    def __init__(self) -> None:
        self.aws_request_id = f"{_PROCESS}-{next(_requests)}"

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds that a function has left after its start."""
        return 10_000


async def app(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
    """Answer one HTTP request (ASGI 3)."""
    if scope["type"] == "lifespan":
        await _lifespan(receive, send)
        return
    if scope["type"] != "http":
        return
    if (found := _page(scope)) is not None:
        await _send_page(found, scope, send)
        return
    body = await read_body(receive, MAX_BODY_BYTES)
    if body is None:
        return
    context = cast("LambdaContext", LocalContext())
    event = proxy_event(scope, body, context.aws_request_id)
    # One request at a time, as in a Lambda: scoring takes less time than handing it to a thread.
    answer = respond(event, context, RequestMeasurement())
    await send_answer(send, answer, to_head=scope["method"] == "HEAD")


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


def _page(scope: MutableMapping[str, Any]) -> Page | None:
    path = request_path(scope)
    compressed = b"gzip" in dict(scope["headers"]).get(b"accept-encoding", b"")
    if path == "/report":
        return report_page(ScoreSettings.from_environment().model_dir, compressed=compressed)
    return page(path, compressed=compressed) if is_page(path) else None


async def _send_page(found: Page, scope: MutableMapping[str, Any], send: Send) -> None:
    sent = dict(scope["headers"])
    status, body, headers = 200, found.body, found.headers
    if scope["method"] not in ("GET", "HEAD"):
        status, body, headers = 405, b"", {"Allow": "GET, HEAD"}
    elif sent.get(b"if-none-match", b"").decode("latin-1") == headers["ETag"]:
        status, body = 304, b""
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    if status != 304:
        raw.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

"""API Gateway's part on this machine: HTTP in, the built score function behind it."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import TYPE_CHECKING, Any, Final

from emulator import FunctionError

from functions.score.asgi_gateway import proxy_event, read_body, send_answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, MutableMapping

    from template_settings import Route

    from functions.score.asgi_gateway import Receive, Send

LARGEST_BODY: Final = 6 * 1024 * 1024
"""What an invocation takes, in bytes; the emulator would cut off the rest."""


class Gateway:
    """An ASGI application.

    Parameters
    ----------
    routes : iterable of Route
        Those of the template; others are answered as API Gateway does.
    invoke : callable
        Calls the function; raises `FunctionError` if it fails.
    """

    def __init__(
        self, routes: Iterable[Route], invoke: Callable[[Mapping[str, Any]], dict[str, Any]]
    ) -> None:
        self._routes = {(route.method.upper(), route.path) for route in routes}
        self._invoke = invoke

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one HTTP request (ASGI 3)."""
        if scope["type"] != "http":
            return
        request_id = str(uuid.uuid4())
        body = await read_body(receive, LARGEST_BODY)
        if (scope["method"], scope["path"]) not in self._routes:
            await send_answer(send, _refusal(403, "Missing Authentication Token", request_id))
        elif len(body) > LARGEST_BODY:
            await send_answer(send, _refusal(413, "Request Too Long", request_id))
        else:
            await send_answer(send, await self._answer(proxy_event(scope, body, request_id), request_id))

    async def _answer(self, event: dict[str, Any], request_id: str) -> dict[str, Any]:
        try:
            return await asyncio.get_running_loop().run_in_executor(None, self._invoke, event)
        except FunctionError:
            return _refusal(502, "Internal server error", request_id)


def _refusal(status: int, title: str, request_id: str) -> dict[str, Any]:
    """Return what the template's gateway responses say for what no function answers."""
    content = {
        "type": "urn:churn:problem:gateway",
        "title": title,
        "status": status,
        "detail": "The gateway refused the request." if status < 500 else "The gateway could not answer.",
        "instance": request_id,
    }
    return {
        "statusCode": status,
        "multiValueHeaders": {"Content-Type": ["application/problem+json"], "Cache-Control": ["no-store"]},
        "body": json.dumps(content),
    }

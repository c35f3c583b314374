"""A local stand-in for API Gateway: HTTP requests become calls of the score function."""

from __future__ import annotations

import asyncio
import uuid
from typing import TYPE_CHECKING, Any, Final

from functions.serve.asgi_gateway import proxy_event, read_body, request_path, send_answer
from infra.local.aws.remote_function import FunctionError, encoded_event

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, MutableMapping

    from functions.serve.asgi_gateway import Receive, Send
    from infra.local.template_settings import TemplateSettings

LARGEST_EVENT: Final = 6 * 1024 * 1024
"""Limit of an event in bytes. The emulator cuts off the rest without an error."""
PATIENCE_SECONDS: Final = 29
"""API Gateway waits this long for a function."""

_REFUSALS: Final = (
    *("MISSING_AUTHENTICATION_TOKEN", "REQUEST_TOO_LARGE", "INTEGRATION_FAILURE", "INTEGRATION_TIMEOUT"),
)


class Gateway:
    """An ASGI application.

    Parameters
    ----------
    template : TemplateSettings
        Has the routes and the gateway responses.
    invoke : callable
        Calls the function; raises `FunctionError` if it fails.
    patience_seconds : float
        Longest time that a call of the function may take.
    """

    def __init__(
        self,
        template: TemplateSettings,
        invoke: Callable[[Mapping[str, Any]], Any],
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self._routes = set(template.routes())
        self._refusals = {name: template.gateway_response(name) for name in _REFUSALS}
        self._invoke = invoke
        self._patience_seconds = patience_seconds

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one HTTP request (ASGI 3)."""
        if scope["type"] != "http":
            return
        request_id = str(uuid.uuid4())
        body = await read_body(receive, LARGEST_EVENT)
        if body is None:
            return
        if (scope["method"], request_path(scope)) not in self._routes:
            # API Gateway reports an unknown route so, because it checks credentials by route.
            answer = self._refusal("MISSING_AUTHENTICATION_TOKEN", request_id)
        elif len(body) > LARGEST_EVENT:
            answer = self._refusal("REQUEST_TOO_LARGE", request_id)
        else:
            answer = await self._answer(proxy_event(scope, body, request_id), request_id)
        await send_answer(send, answer)

    async def _answer(self, event: dict[str, Any], request_id: str) -> dict[str, Any]:
        # Base64 makes a binary body a third larger, and headers count too.
        if len(encoded_event(event)) > LARGEST_EVENT:
            return self._refusal("REQUEST_TOO_LARGE", request_id)
        call = asyncio.get_running_loop().run_in_executor(None, self._invoke, event)
        try:
            answer = await asyncio.wait_for(call, self._patience_seconds)
        except TimeoutError:
            return self._refusal("INTEGRATION_TIMEOUT", request_id)
        except FunctionError:
            return self._refusal("INTEGRATION_FAILURE", request_id)
        return answer if _is_proxy_answer(answer) else self._refusal("INTEGRATION_FAILURE", request_id)

    def _refusal(self, name: str, request_id: str) -> dict[str, Any]:
        """Return the template's gateway response of a type."""
        response = self._refusals[name]
        return {
            "statusCode": response.status,
            "multiValueHeaders": {key: [value] for key, value in response.headers.items()},
            "body": response.body.replace("$context.requestId", request_id),
        }


def _is_proxy_answer(answer: Any) -> bool:
    return (
        isinstance(answer, dict)
        and isinstance(answer.get("statusCode"), int)
        and isinstance(answer.get("multiValueHeaders"), dict)
        and isinstance(answer.get("body"), str)
    )

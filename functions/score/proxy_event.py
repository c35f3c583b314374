"""API Gateway's REST proxy event: its check, its route and its id."""

from __future__ import annotations

import re
from typing import Any, Final

from functions.score.errors import Problem, RequestRefusedError
from functions.score.limits import MAX_HEADER_BYTES
from functions.score.routes import ROUTES

_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9-]{1,64}")
_PREFLIGHT: Final = "OPTIONS"

_MEMBERS: Final[dict[str, tuple[type, ...]]] = {
    "path": (str,),
    "httpMethod": (str,),
    "requestContext": (dict,),
    "headers": (dict, type(None)),
    "multiValueHeaders": (dict, type(None)),
    "queryStringParameters": (dict, type(None)),
    "multiValueQueryStringParameters": (dict, type(None)),
    "body": (str, type(None)),
    "isBase64Encoded": (bool, type(None)),
}


def is_proxy_event(event: Any) -> bool:
    """Return whether this is an event of API Gateway (REST)."""
    return isinstance(event, dict) and all(
        isinstance(event.get(member), types) for member, types in _MEMBERS.items()
    )


def check_route(event: Any, *, preflight: bool) -> None:
    """Check path and method against the table of routes, and the size of the headers.

    Powertools' resolver ignores a trailing slash, and answers 404 instead of 405 to a wrong method.

    Parameters
    ----------
    event : Any
        What the function was called with.
    preflight : bool
        Whether browsers may send a preflight request (CORS).

    Raises
    ------
    RequestRefusedError
        ``bad-event``, ``not-found``, ``method-not-allowed`` or ``headers-too-large``.
    """
    if not is_proxy_event(event):
        raise RequestRefusedError(Problem.BAD_EVENT)
    methods = ROUTES.get(event["path"])
    if methods is None:
        raise RequestRefusedError(Problem.NOT_FOUND)
    if event["httpMethod"] not in methods and not (preflight and event["httpMethod"] == _PREFLIGHT):
        raise RequestRefusedError(Problem.METHOD_NOT_ALLOWED, headers={"Allow": ", ".join(methods)})
    if _header_bytes(event) > MAX_HEADER_BYTES:
        raise RequestRefusedError(Problem.HEADERS_TOO_LARGE)


def _header_bytes(event: dict[str, Any]) -> int:
    """Return the length of all names and values; `headers` has only the last value of a repeated header."""
    once = sum(len(name) + len(str(value)) for name, value in (event["headers"] or {}).items())
    repeated = sum(
        len(name) + len(str(value))
        for name, values in (event["multiValueHeaders"] or {}).items()
        for value in (values if isinstance(values, list) else [values])
    )
    return max(once, repeated)


def route_of(event: Any) -> str:
    """Return method and path of a known route, else ``none``: never text of the caller."""
    if is_proxy_event(event) and event["httpMethod"] in ROUTES.get(event["path"], {}):
        return f"{event['httpMethod']} {event['path']}"
    return "none"


def request_id(event: Any, invocation_id: str) -> str:
    """Return API Gateway's id of the request, which its access log has too; else the invocation's id."""
    found = event["requestContext"].get("requestId") if is_proxy_event(event) else None
    return found if isinstance(found, str) and _REQUEST_ID.fullmatch(found) else invocation_id

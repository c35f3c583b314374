"""moto's stand-in for AWS over HTTP, and its state machines with functions that run outside Docker.

What this project needs of moto beyond its AWS interface is here. Only names without underscore are used.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import threading
import urllib.request
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any
from unittest.mock import patch
from urllib.parse import urlsplit

from moto.backends import get_backend
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

from churn_core.errors import ConfigError
from functions.serve.asgi_gateway import host_name, host_names
from infra.local.aws.remote_function import WITHOUT_PROXY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment


@contextmanager
def moto_server(host: str = "127.0.0.1", port: int = 0, names: Iterable[str] = ()) -> Iterator[str]:
    """Run moto's server in a thread of this process; yield its address, and delete its content at the end.

    Parameters
    ----------
    host : str
        Address to listen at.
    port : int
        Port to listen at; 0 for a free one.
    names : iterable of str
        Host names that are answered for, besides `host` and those of this machine.

    Raises
    ------
    ConfigError
        If the port is taken.
    """
    _require_free(host, port)
    # The server logs each request otherwise.
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    application = _programs_only(DomainDispatcherApplication(create_backend_app), [host, *names])
    server = make_server(host, port, application, threaded=True, request_handler=MotoRequestHandler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    with ExitStack() as stack:
        stack.callback(server.server_close)
        thread.start()
        stack.callback(thread.join)
        stack.callback(server.shutdown)
        address = "http://{}:{}".format(*server.server_address[:2])
        # moto keeps its state in this process, where the next server would find it.
        stack.callback(_post, f"{address}/moto-api/reset", b"")
        yield address


def _programs_only(application: WSGIApplication, hosts: Iterable[str]) -> WSGIApplication:
    """Return an application that refuses the requests of web pages.

    moto checks no credentials and allows every origin, so a page in the user's browser could read, replace
    and delete customers' files. A page of another origin sends ``Origin`` or ``Sec-Fetch-Site``. A page that
    lets its own name resolve to this machine sends that name as ``Host``.
    """
    names = host_names(hosts)

    def is_known(name: str) -> bool:
        # S3 clients put the bucket in front of the host.
        return any(name == known or name.endswith(f".{known}") for known in names)

    def guard(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        name = host_name(environ.get("HTTP_HOST", ""))
        by_page = "HTTP_ORIGIN" in environ or environ.get("HTTP_SEC_FETCH_SITE", "none") != "none"
        if name is not None and is_known(name) and not by_page:
            return application(environ, start_response)
        text = b"This server answers programs on this machine, not web pages.\n"
        head = [("Content-Type", "text/plain"), ("Content-Length", str(len(text))), ("Connection", "close")]
        start_response("403 Forbidden" if by_page else "421 Misdirected Request", head)
        return [text]

    return guard


@contextmanager
def interpreted_state_machines(
    address: str, answer: Callable[[str, dict[str, Any]], tuple[str, bool]]
) -> Iterator[None]:
    """Let moto interpret state machines, and let their Lambda tasks be answered by a function.

    By default moto runs no states, and starts a Docker container for each Lambda function.

    Parameters
    ----------
    address : str
        Of a running `moto_server`.
    answer : callable
        Takes a Lambda function's name and an event. Returns the answer as JSON text, and whether it is an
        error (``errorType``, ``errorMessage``).
    """

    def invoke(
        backend: Any, function_name: str, qualifier: str | None, body: Any, _: Any, headers: dict[str, str]
    ) -> bytes:
        name = backend.get_function(function_name, qualifier).function_name
        text, is_error = answer(name, json.loads(body))
        if is_error:
            headers["x-amz-function-error"] = "Unhandled"
        return text.encode()

    def set_interpreted(wanted: bool) -> None:
        _post(
            f"{address}/moto-api/config",
            json.dumps({"stepfunctions": {"execute_state_machine": wanted}}).encode(),
        )

    # The same public method that moto's own backend without Docker overrides (moto.awslambda_simple).
    lambda_backend = get_backend("lambda").backend
    with (
        # The interpreter finds its own server by this variable.
        patch.dict(os.environ, MOTO_PORT=str(urlsplit(address).port)),
        patch.object(lambda_backend, "invoke", invoke),
    ):
        set_interpreted(True)
        try:
            yield
        finally:
            set_interpreted(False)


def _post(url: str, body: bytes) -> None:
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    WITHOUT_PROXY.open(request).close()


def _require_free(host: str, port: int) -> None:
    """Refuse a port that is taken; moto's server would wait for it without end."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ConfigError(
                f"S3 can't listen at {host}:{port} ({error.strerror}); choose another port with AWS_PORT."
            ) from error

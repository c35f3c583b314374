"""Run a local web server until a signal stops it."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

import uvicorn

from functions.serve.http_server import server_settings

if TYPE_CHECKING:
    import socket

    from functions.serve.asgi_gateway import Application


def run_server(application: Application, listener: socket.socket, **settings: Any) -> bool:
    """Answer requests until SIGINT, SIGTERM or SIGHUP, which may raise `KeyboardInterrupt` at the end.

    uvicorn handles SIGINT and SIGTERM only. Another signal would break off the event loop, and with it all
    answers in progress.

    Returns
    -------
    bool
        Whether a signal has stopped the server; else it has failed to start.
    """
    server = uvicorn.Server(uvicorn.Config(application, **server_settings(), **settings))
    before = signal.getsignal(signal.SIGHUP)
    if before is not signal.SIG_IGN:  # as under `nohup`
        signal.signal(signal.SIGHUP, server.handle_exit)
    try:
        server.run(sockets=[listener])
    finally:
        signal.signal(signal.SIGHUP, before)
    return server.should_exit

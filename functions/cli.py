"""Commands of ``churn`` that need a web server or an AWS account."""

from __future__ import annotations

import json
import os
import socket
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from churn_core.cli.arguments import add_config, add_model, path, port_number
from churn_core.cli.output import print_text
from churn_core.errors import ConfigError
from functions.client import commands, publish_command

if TYPE_CHECKING:
    import argparse

DEFAULT_ADDRESS: Final = ("127.0.0.1", 8000)


def add_commands(parsers: Any) -> None:
    """Add the commands to the parser of ``churn``."""
    serve = parsers.add_parser(
        "serve", help="run the scoring API on this machine, with a web form to try customers"
    )
    serve.add_argument(
        "--host", help="address to listen on (default: api.host of the config, else 127.0.0.1)"
    )
    serve.add_argument("--port", type=port_number, help="port (default: api.port of the config, else 8000)")
    serve.add_argument(
        "--allowed-host",
        action="append",
        default=[],
        metavar="NAME",
        help="one more name that clients may use for this server in the header Host; may be repeated"
        " (default: localhost, 127.0.0.1, [::1], --host and the address that the client has connected to)",
    )
    add_config(serve)
    serve.set_defaults(run=_serve)
    openapi = parsers.add_parser("openapi", help="print the OpenAPI description of a model's API")
    openapi.add_argument("--out", type=path, metavar="FILE", help="file to write (default: print)")
    openapi.set_defaults(run=_openapi)
    commands.add_commands(parsers)
    publish_command.add_commands(parsers)
    for command in (serve, openapi):
        add_model(command)


def _openapi(options: argparse.Namespace) -> None:
    from churn_core.scoring.bundle import load_bundle
    from churn_core.scoring.files.complete_file import complete_file, unwritable
    from functions.score.openapi.document import openapi_document

    text = json.dumps(openapi_document(load_bundle(options.model)), indent=1, ensure_ascii=False) + "\n"
    if options.out is None:
        print_text(text.removesuffix("\n"))
        return
    with complete_file(options.out, reads=[options.model]) as unfinished:
        try:
            unfinished.write_text(text, encoding="utf-8")
        except OSError as error:
            raise unwritable(options.out, error) from error


def _serve(options: argparse.Namespace) -> None:
    from churn_core.scoring.bundle import load_bundle

    # Without a valid model the server could only answer 503, so it does not start.
    version = load_bundle(options.model).model_version
    os.environ["CHURN_MODEL_DIR"] = str(options.model)
    # Imported after the setting: the application loads the model as it is imported.
    from functions.serve.asgi_gateway import guarded
    from functions.serve.local import app
    from functions.serve.server import run_server

    host, port = _address(options)
    with listening_socket(host, port) as listener:
        shown = f"[{host}]" if ":" in host else host
        address = f"http://{shown}:{listener.getsockname()[1]}"
        print_text(f"{version} answers at {address} (Ctrl-C ends it).")
        print_text(f"  {address}/      try a customer")
        print_text(f"  {address}/docs  the API")
        stopped = run_server(guarded(app, [host, *options.allowed_host]), listener)
    if stopped:
        # uvicorn does not always raise KeyboardInterrupt.
        raise KeyboardInterrupt


def _address(options: argparse.Namespace) -> tuple[str, int]:
    """Return host and port from the command line, else from the configuration."""
    host, port = DEFAULT_ADDRESS
    # Serving works without PyYAML, which only the configuration needs.
    if options.config is not None or find_spec("yaml") is not None:
        from churn_core.config import load_config

        settings = load_config(options.config).api
        host, port = settings.host, settings.port
    return options.host or host, port if options.port is None else options.port


def listening_socket(host: str, port: int) -> socket.socket:
    """Return a listening socket.

    Raises
    ------
    ConfigError
        If the address can't be used.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        # asyncio disables Nagle's algorithm only for IPPROTO_TCP; with it each answer waits about 40 ms.
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(2048)
    except (OSError, ValueError) as error:
        # A name that IDNA can't encode, or with NUL, is a ValueError.
        reason = error.strerror if isinstance(error, OSError) else "not a host name"
        raise ConfigError(
            f"Can't listen on {host}:{port} ({reason}); choose another with --host or --port."
        ) from error
    return listener

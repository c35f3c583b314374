"""Run the whole stack on this machine: drop a Parquet file and get its scores, or call the API.

Usage: python -m infra.local.stack [--model DIR] [--port PORT] [--aws-port PORT] [--workers N]
[--visibility-timeout SECONDS]
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import signal
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

from churn_core.cli.arguments import port_number, positive, thread_count
from churn_core.errors import ChurnError, ConfigError
from churn_core.scoring.bundle import load_bundle
from functions.cli import listening_socket
from functions.score.model_info import typical_customer
from functions.serve.asgi_gateway import guarded
from functions.serve.http_server import GRACE_SECONDS
from functions.serve.server import run_server
from infra.local.aws.emulator_pool import EmulatorPool
from infra.local.aws.event_source_mapping import EventSourceMapping
from infra.local.aws.gateway import Gateway
from infra.local.aws.local_cloud import LocalCloud, forget_aws_settings, mapping_settings
from infra.local.aws.local_runs import LocalRuns
from infra.local.aws.remote_function import FunctionError
from infra.local.function_build import BuildError, add_model_option, up_to_date_function
from infra.local.outcome_lines import OutcomeLines, print_failure
from infra.local.template_settings import STACK, TemplateSettings
from infra.local.tools import MissingToolError, find_tools

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from churn_core.scoring.bundle import Bundle

VISIBILITY_SECONDS: Final = 10
"""The queue delivers a failed message again after this time; on AWS after the template's half hour."""
AWS_PORT: Final = 4566


def main() -> int:
    """Run until Ctrl-C.

    Returns
    -------
    int
        0 after Ctrl-C, 1 if something could not be built or started, 2 on wrong usage.
    """
    parser = argparse.ArgumentParser(prog="make local")
    add_model_option(parser)
    parser.add_argument("--port", type=port_number, default=8000, help="port of the API; 0 for a free one")
    parser.add_argument(
        "--aws-port",
        type=port_number,
        default=AWS_PORT,
        help="port of S3, SQS and EventBridge; 0 for a free one",
    )
    parser.add_argument("--workers", type=thread_count, default=2, help="environments of each function")
    parser.add_argument(
        "--visibility-timeout",
        type=positive,
        default=VISIBILITY_SECONDS,
        metavar="SECONDS",
        help="time after which a failed file is tried again (default: %(default)s)",
    )
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    forget_aws_settings()
    try:
        _run(options)
    except KeyboardInterrupt:
        print("Stopped. The buckets and their contents are deleted.")
    except (MissingToolError, BuildError, FunctionError, ChurnError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _run(options: argparse.Namespace) -> None:
    tools, template, bundle = find_tools(), TemplateSettings(), load_bundle(options.model)
    with ExitStack() as stack:
        # The ports come first: a taken port must not be reported after a long build.
        listener = stack.enter_context(_listener(options.port))
        cloud = stack.enter_context(LocalCloud(template, options.aws_port))
        print("Building the functions that have changed ...", flush=True)

        def pool(name: str, size: int, on_log: Callable[[str], None] | None = None) -> EmulatorPool:
            folder = up_to_date_function(name, tools, options.model)
            return EmulatorPool(folder, template.function(name), cloud.environment, tools, size, on_log)

        scores = stack.enter_context(pool("ScoreFunction", options.workers))
        settings = mapping_settings(
            template, cloud.client("sqs"), options.workers, options.visibility_timeout
        )
        outcomes = OutcomeLines(f"{cloud.address}/{cloud.output_bucket}")
        batch = pool("BatchFunction", settings.concurrency, outcomes.print_outcomes)
        mapping = EventSourceMapping(cloud.client("sqs"), settings, batch.invoke, print_failure)
        # The stack runs these in reverse order: wait for calls in progress, end their environments, then wait
        # for the pollers.
        stack.callback(mapping.stop)
        stack.enter_context(batch)
        stack.callback(mapping.stop, GRACE_SECONDS)
        runs = stack.enter_context(pool("BackfillFunction", 1))
        invoke = {"BatchFunction": batch.invoke, "BackfillFunction": runs.invoke}
        stack.enter_context(LocalRuns(cloud, template, invoke))
        mapping.start()
        _print_addresses(cloud, f"http://127.0.0.1:{listener.getsockname()[1]}", bundle)
        _serve(Gateway(template, scores.invoke), listener)


def _serve(gateway: Gateway, listener: socket.socket) -> None:
    """Answer requests until a signal stops the server.

    Raises
    ------
    KeyboardInterrupt
        Always.
    """
    run_server(guarded(gateway, ()), listener, lifespan="off")
    # Only a signal stops the server, but uvicorn does not always raise it again.
    raise KeyboardInterrupt


def _listener(port: int) -> socket.socket:
    try:
        return listening_socket("127.0.0.1", port)
    except ConfigError as error:
        raise ConfigError(
            f"The API can't listen at 127.0.0.1:{port} ({error.__cause__}); choose another port with PORT."
        ) from error


def _print_addresses(cloud: LocalCloud, address: str, bundle: Bundle) -> None:
    exports = " ".join(f"{name}={value}" for name, value in cloud.environment.items())
    customer = shlex.quote(json.dumps(typical_customer(bundle), ensure_ascii=False))
    print(
        f"""
{bundle.model_version}: the functions run as built for AWS; S3, the queue and the gateway are local stand-ins.

Score a file (put a table under incoming/, find the scores under {cloud.output_bucket}/scored/):
  curl -T customers.parquet {cloud.address}/{cloud.input_bucket}/incoming/customers.parquet
Score a customer:
  curl {address}/predict -H 'content-type: application/json' -d {customer}
Settings for boto3, the AWS command line, 'churn locate' and 'churn redrive --stack {STACK}':
  export {exports}
Score all parts under a prefix (put them there first; the command needs the settings above):
  churn backfill s3://{cloud.input_bucket}/backfill/ --stack {STACK}

Ctrl-C stops it and deletes the buckets. The outcome of each file:""",
        flush=True,
    )


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.exit(main())

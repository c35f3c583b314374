"""The whole stack on this machine: drop a Parquet file, find its scores; call the API.

Usage: stack.py [--model DIR] [--port PORT] [--aws-port PORT] [--workers N] [--visibility-timeout SECONDS]
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import signal
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Final

import uvicorn

from churn_core.cli.arguments import port_number
from churn_core.errors import ChurnError, ConfigError
from churn_core.scoring.bundle import load_bundle
from functions.cli import listening_socket
from functions.score.model_info import typical_customer
from infra.local.emulator import FunctionError, MissingToolError, find_tools
from infra.local.emulator_pool import EmulatorPool
from infra.local.event_source_mapping import EventSourceMapping
from infra.local.function_build import BuildError, up_to_date_function
from infra.local.gateway import Gateway
from infra.local.local_cloud import LocalCloud, forget_aws_settings
from infra.local.local_runs import LocalRuns
from infra.local.outcome_lines import OutcomeLines
from infra.local.template_settings import STACK, TemplateSettings

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from churn_core.scoring.bundle import Bundle

VISIBILITY_SECONDS: Final = 10
"""A failed message comes again so soon here; on AWS after the template's half hour."""
AWS_PORT: Final = 4566
GRACE_SECONDS: Final = 5.0
"""For what is under way when the stack is told to end."""


def main() -> int:
    """Run until Ctrl-C; return 0 then, 1 if something could not be built or started, 2 on wrong usage."""
    parser = argparse.ArgumentParser(prog="stack")
    parser.add_argument("--model", type=Path, default=Path("models/churn"), help="bundle to build in")
    parser.add_argument("--port", type=port_number, default=8000, help="of the API; 0 for a free one")
    parser.add_argument(
        "--aws-port", type=port_number, default=AWS_PORT, help="of S3, SQS and EventBridge; 0 for a free one"
    )
    parser.add_argument("--workers", type=_count, default=2, help="environments of each function")
    parser.add_argument(
        "--visibility-timeout",
        type=_count,
        default=VISIBILITY_SECONDS,
        metavar="SECONDS",
        help="after which a file that failed is tried again",
    )
    options = parser.parse_args()
    if not (options.model / "manifest.json").exists():
        parser.error(
            f"There is no model in {options.model}; run 'make demo' first, or set MODEL to a bundle."
        )
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    forget_aws_settings()
    try:
        _run(options)
    except KeyboardInterrupt:
        print("Stopped; what was in the buckets is gone.")
    except (MissingToolError, BuildError, FunctionError, ChurnError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _run(options: argparse.Namespace) -> None:
    tools, template, bundle = find_tools(), TemplateSettings(), load_bundle(options.model)
    with ExitStack() as stack:
        # First what may be refused, then what takes long.
        listener = stack.enter_context(_listener(options.port))
        cloud = stack.enter_context(LocalCloud(template, options.aws_port))
        print("Building the functions, where something has changed ...", flush=True)

        def pool(name: str, size: int, on_log: Callable[[str], None] | None = None) -> EmulatorPool:
            folder = up_to_date_function(name, tools, options.model)
            return EmulatorPool(folder, template.function(name), cloud.environment, tools, size, on_log)

        scores = stack.enter_context(pool("ScoreFunction", options.workers))
        settings = cloud.mapping(options.workers, options.visibility_timeout)
        told = OutcomeLines(f"{cloud.address}/{cloud.output_bucket}")
        batch = pool("BatchFunction", settings.concurrency, told.tell)
        mapping = EventSourceMapping(cloud.client("sqs"), settings, batch.invoke, told.tell_failure)
        # From the last to the first: what is under way gets some time, then its environment is ended.
        stack.callback(mapping.stop)
        stack.enter_context(batch)
        stack.callback(mapping.stop, GRACE_SECONDS)
        runs = stack.enter_context(pool("BackfillFunction", 1))
        invoke = {"BatchFunction": batch.invoke, "BackfillFunction": runs.invoke}
        stack.enter_context(LocalRuns(cloud, template, invoke))
        mapping.start()
        _tell_where(cloud, f"http://127.0.0.1:{listener.getsockname()[1]}", bundle)
        _serve(Gateway(template, scores.invoke), listener)


def _serve(gateway: Gateway, listener: socket.socket) -> None:
    """Answer until a signal ends it.

    Raises
    ------
    KeyboardInterrupt
        Always.
    """
    config = uvicorn.Config(
        gateway,
        loop="asyncio",
        log_level="warning",
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=int(GRACE_SECONDS),
    )
    uvicorn.Server(config).run(sockets=[listener])
    # Only a signal ends it, which uvicorn does not tell in every case.
    raise KeyboardInterrupt


def _listener(port: int) -> socket.socket:
    try:
        return listening_socket("127.0.0.1", port)
    except ConfigError as error:
        raise ConfigError(
            f"The API can't be had at 127.0.0.1:{port} ({error.__cause__}); choose another port with PORT."
        ) from error


def _tell_where(cloud: LocalCloud, address: str, bundle: Bundle) -> None:
    exports = " ".join(f"{name}={value}" for name, value in cloud.environment.items())
    customer = shlex.quote(json.dumps(typical_customer(bundle), ensure_ascii=False))
    print(
        f"""
{bundle.model_version}: the functions run as built for AWS; S3, the queue and the gateway are played here.

Score a file (drop Parquet below incoming/, find the scores below {cloud.output_bucket}/scored/):
  curl -T customers.parquet {cloud.address}/{cloud.input_bucket}/incoming/customers.parquet
Score a customer:
  curl {address}/predict -H 'content-type: application/json' -d {customer}
For boto3, the AWS command line, 'churn locate' and 'churn redrive --stack {STACK}':
  export {exports}
Score all parts below a prefix (put them there first; it needs the line above):
  churn backfill s3://{cloud.input_bucket}/backfill/ --stack {STACK}

Ctrl-C ends it, and empties the buckets. What becomes of each file:""",
        flush=True,
    )


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.exit(main())

"""The whole stack on this machine: drop a Parquet file, find its scores; call the API.

Usage: stack.py [--model DIR] [--port PORT] [--workers N] [--visibility-timeout SECONDS]
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import uvicorn
from emulator import MissingToolError, find_tools
from emulator_pool import EmulatorPool
from event_source_mapping import EventSourceMapping
from function_build import BuildError, up_to_date_function
from gateway import Gateway
from local_cloud import LocalCloud
from template_settings import TemplateSettings

from churn_core.errors import ChurnError
from functions.cli import listening_socket

if TYPE_CHECKING:
    from emulator import LambdaTools

VISIBILITY_SECONDS: Final = 10
"""A failed message comes again so soon here; on AWS after the template's half hour."""


def main() -> int:
    """Run until Ctrl-C; return 0 then, 1 if something could not be built or started, 2 on wrong usage."""
    parser = argparse.ArgumentParser(prog="stack")
    parser.add_argument("--model", type=Path, default=Path("models/churn"), help="bundle to build in")
    parser.add_argument("--port", type=int, default=8000, help="of the API; 0 for a free one")
    parser.add_argument("--workers", type=int, default=2, help="environments of each function")
    parser.add_argument("--visibility-timeout", type=int, default=VISIBILITY_SECONDS)
    options = parser.parse_args()
    if not (options.model / "manifest.json").exists():
        parser.error(f"There is no model in {options.model}; run 'make demo', or set MODEL to a bundle.")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        _run(options)
    except KeyboardInterrupt:
        print("Stopped; what was in the buckets is gone.")
    except (MissingToolError, BuildError, ChurnError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _run(options: argparse.Namespace) -> None:
    tools, template = find_tools(), TemplateSettings()
    print("Building both functions, where something has changed ...", flush=True)
    folders = {
        name: up_to_date_function(name, tools, options.model) for name in ("ScoreFunction", "BatchFunction")
    }
    with ExitStack() as stack:
        listener = stack.enter_context(listening_socket("127.0.0.1", options.port))
        cloud = stack.enter_context(LocalCloud(template, options.visibility_timeout))
        pools = {
            name: stack.enter_context(_pool(name, folder, template, cloud, tools, options.workers))
            for name, folder in folders.items()
        }
        mapping = EventSourceMapping(
            cloud.client("sqs"), cloud.mapping(options.workers), pools["BatchFunction"].invoke, _tell_failure
        )
        mapping.start()
        stack.callback(mapping.stop)
        _tell_where(cloud, f"http://127.0.0.1:{listener.getsockname()[1]}")
        gateway = Gateway(template.routes(), pools["ScoreFunction"].invoke)
        config = uvicorn.Config(
            gateway, loop="asyncio", log_level="warning", access_log=False, lifespan="off"
        )
        server = uvicorn.Server(config)
        server.run(sockets=[listener])
        if server.should_exit:
            raise KeyboardInterrupt


def _pool(
    name: str, folder: Path, template: TemplateSettings, cloud: LocalCloud, tools: LambdaTools, size: int
) -> EmulatorPool:
    on_log = _tell_outcomes if name == "BatchFunction" else None
    return EmulatorPool(folder, template.function(name), cloud.environment, tools, size, on_log)


def _tell_where(cloud: LocalCloud, address: str) -> None:
    exports = " ".join(f"{name}={value}" for name, value in cloud.environment.items())
    print(
        f"""
Drop Parquet files into  s3://{cloud.input_bucket}/incoming/
Find their scores in     s3://{cloud.output_bucket}/scored/   (what can't be scored: quarantine/)
with these variables, in boto3, the AWS command line and 'churn locate':

  export {exports}

Call the API at          {address}/predict

Ctrl-C ends it.
""",
        flush=True,
    )


def _tell_outcomes(log: str) -> None:
    """Print a line for each object; the log holds no customer's value."""
    for line in log.splitlines():
        try:
            told: dict[str, Any] = json.loads(line)
        except ValueError:
            continue
        if "action" in told:
            counts = f"{told['rows']:,} rows, {told['rejected']:,} rejected" if "rows" in told else ""
            parts = [f"{told['message']:<18}", told.get("output_key"), counts, told.get("detail")]
            print("  ".join(part for part in parts if part), flush=True)


def _tell_failure(error: Exception) -> None:
    print(
        f"The invocation failed ({type(error).__name__}); the queue delivers its messages again.", flush=True
    )


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.exit(main())

"""``churn backfill``: have the deployed stack score all parts below a prefix."""

from __future__ import annotations

import argparse
import math
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from churn_core.cli.arguments import positive
from churn_core.cli.output import print_result
from churn_core.cli.progress import Progress
from functions.client.backfill import (
    RUNNING,
    SUCCEEDED,
    Backfill,
    BackfillError,
    describe_failure,
    stack_machine,
)
from functions.client.results import parse_address
from functions.client.storage import AwsError, aws_client, stack_name, typed_aws_errors

if TYPE_CHECKING:
    from collections.abc import Callable

POLL_SECONDS: Final = 2.0
_TIMEOUT_SECONDS: Final = 900
"""Lambda's own limit."""


def add_command(commands: Any, default_stack: str) -> None:
    """Add the command to the parser of ``churn``."""
    command = commands.add_parser(
        "backfill", help="score all Parquet files under an S3 prefix with the deployed stack"
    )
    command.add_argument(
        "address",
        metavar="s3://BUCKET/PREFIX/",
        help="prefix of the Parquet files (parts) to score, in the stack's input bucket",
    )
    command.add_argument(
        "--stack", type=stack_name, default=default_stack, help=f"name of the stack (default {default_stack})"
    )
    command.add_argument(
        "--concurrency", type=positive, help="parts scored at once (default and maximum: the stack's)"
    )
    command.add_argument(
        "--tolerate",
        type=_percentage,
        default=0,
        metavar="PERCENT",
        help="stop when more than PERCENT of the parts have failed (default 0: stop at the first failure); a"
        " part that is put into quarantine has its outcome and has not failed",
    )
    command.add_argument("--dry-run", action="store_true", help="only estimate parts, rows, time and price")
    command.add_argument("--json", action="store_true", help="print JSON for programs")
    command.set_defaults(run=_backfill)


def _backfill(options: argparse.Namespace) -> None:
    bucket, prefix = parse_address(options.address)
    request = {
        "bucket": bucket,
        "prefix": prefix,
        "concurrency": options.concurrency,
        "tolerated_failure_percentage": options.tolerate,
        "dry_run": options.dry_run,
    }
    with typed_aws_errors():
        functions, states = aws_client("lambda", _TIMEOUT_SECONDS), aws_client("stepfunctions")
        runs = Backfill(functions, states, stack_machine(options.stack, aws_client("sts")))
        if options.dry_run:
            planned = runs.step("plan", request)
            print_result(planned, _plan_text(planned), as_json=options.json)
            return
        try:
            planned = runs.step("plan", request)
            complete = planned["manifest"] is not None and runs.is_over(planned["run_id"])
            summary = planned["manifest"] if complete else _run(runs, planned)
        except KeyboardInterrupt:
            raise KeyboardInterrupt(
                "The run continues on AWS if it was started; watch it with"
                f" 'churn backfill {options.address} --stack {options.stack}'."
            ) from None
    text = ("This run was already complete.\n" if complete else "") + _done_text(summary, planned)
    content = {"manifest": _address(planned), "run_id": planned["run_id"], **summary}
    print_result(content, text, as_json=options.json)


def _run(runs: Backfill, planned: dict[str, Any]) -> dict[str, Any]:
    execution = runs.launch(planned)
    with Progress("scoring") as progress:
        ended = _watch(runs, planned, execution, progress.step)
    if ended["status"] != SUCCEEDED:
        raise BackfillError(f"The run failed ({describe_failure(ended)}); repeat the command to resume it.")
    complete = runs.step("plan", {name: planned[name] for name in ("bucket", "prefix", "run_id")})
    summary: dict[str, Any] = complete["manifest"]
    return summary


def _watch(
    runs: Backfill, planned: dict[str, Any], execution: str, show: Callable[[str], None]
) -> dict[str, Any]:
    """Wait until an execution ends; return its description."""
    first: tuple[float, int] | None = None
    next_progress = 0.0
    while True:
        description = runs.describe(execution)
        if description["status"] != RUNNING:
            return description
        began = time.monotonic()
        if began >= next_progress:
            # Progress is optional: the call may fail if the account's concurrency is used up.
            with suppress(AwsError, BackfillError), typed_aws_errors():
                now = runs.step("progress", planned)
                first = first or (began, now["done_bytes"])
                show(progress_text(now, began - first[0], now["done_bytes"] - first[1]))
            # The call reads the state of every part, so it must not run all the time.
            next_progress = time.monotonic() + 5 * (time.monotonic() - began)
        time.sleep(POLL_SECONDS)


def progress_text(now: dict[str, Any], seconds: float, bytes_since: int) -> str:
    """Describe the progress of a run.

    Parameters
    ----------
    now : dict
        Answer of the step ``progress``.
    seconds : float
        Since the first answer.
    bytes_since : int
        Bytes of the parts that were done in that time.
    """
    texts = [
        f"{now['parts'] - now['open']:,} of {now['parts']:,} parts",
        f"{now['rows']:,} rows",
        f"{now['rejected']:,} rejected",
    ]
    if now["not_scored"]:
        texts.append(f"{now['not_scored']:,} parts not scored")
    if bytes_since > 0 and seconds > 0:
        left = (now["bytes"] - now["done_bytes"]) * seconds / bytes_since
        texts.append(f"{_duration(left)} left")
    return ", ".join(texts)


def _duration(seconds: float) -> str:
    return f"{math.ceil(seconds / 60):,} min" if seconds >= 90 else f"{math.ceil(seconds)} s"


def _price(dollars: float) -> str:
    return f"${dollars:,.2f}" if dollars >= 0.01 else "less than $0.01"


def _plan_text(planned: dict[str, Any]) -> str:
    estimate = planned["estimate"]
    lines = [
        f"{planned['parts']:,} parts, {planned['bytes'] / 1e6:,.1f} MB, scored by {planned['model_version']}."
    ]
    if estimate["rows"] is None:
        lines.append("None of the parts that were read has a readable Parquet footer.")
    else:
        lines.append(
            f"About {estimate['rows']:,} rows, estimated from the footers of {estimate['looked_at']:,} parts"
            f" ({estimate['unreadable']:,} unreadable)."
        )
        lines.append(
            f"About {_duration(estimate['seconds'])} with {planned['concurrency']:,} parts at a time,"
            f" and {_price(estimate['dollars'])} at list prices of us-east-1."
        )
    if planned["finished"]:
        lines.append(f"This run is complete: {_address(planned)}")
    return "\n".join(lines)


def _done_text(summary: dict[str, Any], planned: dict[str, Any]) -> str:
    parts = summary["parts"]
    lines = [
        f"{parts['scored']:,} of {parts['total']:,} parts scored: {summary['rows']:,} rows,"
        f" {summary['scored']:,} scored, {summary['rejected']:,} rejected."
    ]
    lines += [
        f"  {number:,} parts not scored: {code}" for code, number in parts["not_scored_by_code"].items()
    ]
    return "\n".join([*lines, _address(planned)])


def _address(planned: dict[str, Any]) -> str:
    return f"s3://{planned['output_bucket']}/{planned['manifest_key']}"


def _percentage(text: str) -> float:
    number = float(text)
    if not 0 <= number <= 100:
        raise argparse.ArgumentTypeError("must be from 0 to 100")
    return number

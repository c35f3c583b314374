"""Commands of ``churn`` for a deployed stack: ``locate``, ``redrive``, ``backfill``."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from churn_core.cli.arguments import plain_text
from churn_core.cli.output import one_line, print_result
from functions.client import backfill_command, redrive
from functions.client.results import (
    LocationError,
    Results,
    find_results,
    find_versions,
    parse_address,
    require_input_key,
    stack_output_bucket,
)
from functions.client.storage import AwsError, aws_client, bucket_name, stack_name, typed_aws_errors

if TYPE_CHECKING:
    import argparse

DEFAULT_STACK = "churn-dev"
_NAMED = 20
"""Most objects that are named if they are no quarantine records."""


def add_commands(commands: Any) -> None:
    """Add the commands to the parser of ``churn``."""
    locate = commands.add_parser("locate", help="print where the scores of an input object are")
    locate.add_argument("address", metavar="s3://BUCKET/KEY", help="the input object")
    locate.add_argument("--version-id", type=plain_text, help="the object's version (default: the newest)")
    locate.add_argument(
        "--output-bucket",
        type=bucket_name,
        help="the stack's output bucket (default: from the input bucket's name)",
    )
    locate.set_defaults(run=_locate)
    again = commands.add_parser(
        "redrive", help="list inputs that could not be scored; with --code, --id or --all queue them again"
    )
    again.add_argument(
        "--stack",
        type=stack_name,
        default=DEFAULT_STACK,
        help=f"name of the stack (default {DEFAULT_STACK})",
    )
    again.add_argument(
        "--code",
        action="append",
        default=[],
        metavar="CODE",
        help="queue all inputs again that the list shows with this code, such as timeout; repeatable",
    )
    again.add_argument(
        "--id",
        action="append",
        default=[],
        metavar="ID",
        help="queue the input with this id from the list again; repeatable",
    )
    again.add_argument("--all", action="store_true", help="queue all listed inputs again")
    again.set_defaults(run=_redrive)
    backfill_command.add_command(commands, DEFAULT_STACK)
    for command in (locate, again):
        command.add_argument("--json", action="store_true", help="print JSON for programs")


def _locate(options: argparse.Namespace) -> None:
    bucket, key = parse_address(options.address)
    require_input_key(key)
    output_bucket = options.output_bucket or stack_output_bucket(bucket)
    with typed_aws_errors():
        s3 = aws_client("s3")
        sources = find_versions(s3, bucket, key, options.version_id)
        results = find_results(s3, output_bucket, sources)
    if not results.scored and (results.record is None or results.requeued):
        if not sources[0].etag:
            raise LocationError("The object has no such version, nor has it scores; check --version-id.")
        raise LocationError(
            "The object has no scores yet; try again later, or look for its message with 'churn redrive'."
        )
    content = {
        "scored": [
            {"address": f"s3://{found.bucket}/{found.key}", **found.counts} for found in results.scored
        ],
        "quarantined": results.record if not results.scored else None,
    }
    print_result(content, _locate_text(results), as_json=options.json)


def _locate_text(results: Results) -> str:
    lines = []
    for found in results.scored:
        counts = ", ".join(f"{found.counts[name]:,} {name}" for name in found.counts)
        lines.append(f"s3://{found.bucket}/{found.key}" + (f"  ({counts})" if counts else ""))
    if not lines and results.record is not None:
        lines.append(f"quarantined as {results.record['code']}: {results.record['detail']}")
    return "\n".join(lines)


def _redrive(options: argparse.Namespace) -> None:
    with typed_aws_errors():
        s3, sqs = aws_client("s3"), aws_client("sqs")
        names = _stack_names(options.stack, aws_client("sts"), sqs)
        letters = redrive.list_dead_letters(sqs, names)
        skipped: list[str] = []
        found = [*redrive.list_quarantined(s3, names, skipped), *letters]
        chosen = [
            entry for entry in found if options.all or entry.code in options.code or entry.name in options.id
        ]
        missing = set(options.id) - {entry.name for entry in found}
        try:
            if missing:
                raise redrive.RedriveError(f"No input has id {min(missing)}; 'churn redrive' lists the ids.")
            queued = [entry for entry in chosen if entry.body is not None]
            for entry in queued:
                redrive.requeue(s3, sqs, names, entry)
        finally:
            redrive.release(sqs, names, [letter for letter in letters if letter not in chosen])
    content = {
        "unscored": [asdict(entry) | {"handle": None, "body": None} for entry in found],
        "skipped": skipped,
        "requeued": [entry.name for entry in queued],
    }
    print_result(content, _redrive_text(found, queued, skipped), as_json=options.json)


def _redrive_text(found: list[redrive.Unscored], queued: list[redrive.Unscored], skipped: list[str]) -> str:
    lines = []
    for entry in found:
        again = f" (queued again {entry.requeued} times)" if entry.requeued else ""
        name = "a message" if entry.address is None else PurePosixPath(entry.address).name
        lines += [f"{entry.place:<11} {entry.code:<20} {name}{again}", f"  {entry.name}", f"  {entry.detail}"]
    by_code = ", ".join(f"{number} {code}" for code, number in Counter(entry.code for entry in found).items())
    if not found:
        lines.append("There are no quarantined inputs and no dead letters.")
    else:
        lines.append(f"{len(found)} without scores: {by_code}.")
        lines.append(
            f"Queued {len(queued)} again."
            if queued
            else "Queue inputs again with --id ID, --code CODE or --all."
        )
    if skipped:
        first = ", ".join(skipped[:_NAMED]) + (", ..." if len(skipped) > _NAMED else "")
        lines.append(f"Not quarantine records, skipped ({len(skipped)}): {first}.")
    # A key may hold any characters, also those that control a terminal.
    return "\n".join(map(one_line, lines))


def _stack_names(stack: str, sts: Any, sqs: Any) -> redrive.StackNames:
    account, region = sts.get_caller_identity()["Account"], sts.meta.region_name
    try:
        queue, dead_letters = (
            sqs.get_queue_url(QueueName=name)["QueueUrl"]
            for name in (f"{stack}-inputs", f"{stack}-inputs-dead")
        )
    except sqs.exceptions.QueueDoesNotExist as error:
        raise AwsError(f"Region {region} has no stack {stack}; name your stack with --stack.") from error
    return redrive.StackNames(
        queue_url=queue,
        dead_letter_url=dead_letters,
        input_bucket=f"{stack}-input-{account}-{region}",
        output_bucket=f"{stack}-output-{account}-{region}",
    )

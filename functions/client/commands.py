"""Commands of ``churn`` that speak to a deployed stack."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from churn_core.cli.output import print_result
from functions.client import backfill_command, redrive
from functions.client.results import (
    LocationError,
    Results,
    find_results,
    output_bucket_of,
    parse_address,
    versions_of,
)
from functions.client.storage import AwsError, aws_client, typed_aws_errors

if TYPE_CHECKING:
    import argparse

DEFAULT_STACK = "churn-dev"


def add_commands(commands: Any) -> None:
    """Add the commands to the parser of ``churn``."""
    locate = commands.add_parser("locate", help="where the scores of an object are")
    locate.add_argument("address", metavar="s3://BUCKET/KEY", help="the object that was dropped")
    locate.add_argument("--version-id", help="of the object, if it is not the newest")
    locate.add_argument("--output-bucket", help="(default: the input bucket's name, with output for input)")
    locate.set_defaults(run=_locate)
    again = commands.add_parser("redrive", help="what could not be scored; queue it again")
    again.add_argument("--stack", default=DEFAULT_STACK, help=f"name of the stack (default {DEFAULT_STACK})")
    again.add_argument("--code", action="append", default=[], help="queue all of this code again; repeatable")
    again.add_argument("--id", action="append", default=[], help="queue this one again; repeatable")
    again.add_argument("--all", action="store_true", help="queue everything again")
    again.set_defaults(run=_redrive)
    backfill_command.add_command(commands, DEFAULT_STACK)
    for command in (locate, again):
        command.add_argument("--json", action="store_true", help="print JSON for programs")


def _locate(options: argparse.Namespace) -> None:
    bucket, key = parse_address(options.address)
    output_bucket = options.output_bucket or output_bucket_of(bucket)
    with typed_aws_errors():
        s3 = aws_client("s3")
        sources = versions_of(s3, bucket, key, options.version_id)
        results = find_results(s3, output_bucket, sources)
    if not results.scored and (results.record is None or results.requeued):
        raise LocationError(
            "The object has no scores yet; look again later, or at 'churn redrive' for messages given up."
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
        names = _names(options.stack, aws_client("sts"), sqs)
        letters = redrive.dead_letters(sqs, names)
        found = [*redrive.quarantined(s3, names), *letters]
        chosen = [one for one in found if options.all or one.code in options.code or one.name in options.id]
        missing = set(options.id) - {one.name for one in found}
        try:
            if missing:
                raise redrive.RedriveError(f"There is nothing of id {min(missing)}; list them without --id.")
            queued = [one for one in chosen if one.body is not None]
            for one in queued:
                redrive.requeue(s3, sqs, names, one)
        finally:
            redrive.release(sqs, names, [one for one in letters if one not in chosen])
    content = {
        "unscored": [asdict(one) | {"handle": None, "body": None} for one in found],
        "requeued": [one.name for one in queued],
    }
    print_result(content, _redrive_text(found, queued), as_json=options.json)


def _redrive_text(found: list[redrive.Unscored], queued: list[redrive.Unscored]) -> str:
    if not found:
        return "Nothing is in quarantine, and no message was given up."
    lines = []
    for one in found:
        again = f" (queued again {one.requeued} times)" if one.requeued else ""
        what = "a message" if one.address is None else PurePosixPath(one.address).name
        lines += [f"{one.place:<11} {one.code:<20} {what}{again}", f"  {one.name}", f"  {one.detail}"]
    by_code = ", ".join(f"{number} {code}" for code, number in Counter(one.code for one in found).items())
    lines.append(f"{len(found)} without scores: {by_code}.")
    lines.append(
        f"Queued {len(queued)} again." if queued else "Queue again with --id ID, --code CODE or --all."
    )
    return "\n".join(lines)


def _names(stack: str, sts: Any, sqs: Any) -> redrive.StackNames:
    account, region = sts.get_caller_identity()["Account"], sts.meta.region_name
    try:
        queue, dead_letters = (
            sqs.get_queue_url(QueueName=name)["QueueUrl"]
            for name in (f"{stack}-inputs", f"{stack}-inputs-dead")
        )
    except sqs.exceptions.QueueDoesNotExist as error:
        raise AwsError(f"There is no stack {stack} in {region}; name another with --stack.") from error
    return redrive.StackNames(
        queue_url=queue,
        dead_letter_url=dead_letters,
        input_bucket=f"{stack}-input-{account}-{region}",
        output_bucket=f"{stack}-output-{account}-{region}",
    )

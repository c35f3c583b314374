"""``churn publish``: upload a model bundle and make it the current one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from churn_core.cli.arguments import path
from churn_core.cli.output import print_result
from functions.client.storage import aws_client, typed_aws_errors

if TYPE_CHECKING:
    import argparse

    from functions.client.publish import Publication


def add_commands(commands: Any) -> None:
    """Add the command to the parser of ``churn``."""
    command = commands.add_parser(
        "publish", help="upload a model bundle to a bucket and make it the current one"
    )
    command.add_argument("model", type=path, metavar="MODEL_DIR", help="the bundle")
    command.add_argument(
        "address",
        metavar="s3://BUCKET/PREFIX/",
        help="where to publish; the bucket must have versioning enabled",
    )
    command.add_argument(
        "--allow-sample",
        action="store_true",
        help="also publish the sample model that 'make build' and 'make package' train if MODEL is not set",
    )
    command.add_argument("--json", action="store_true", help="print JSON for programs")
    command.set_defaults(run=_publish)


def _publish(options: argparse.Namespace) -> None:
    from functions.client.publish import publish

    with typed_aws_errors():
        done = publish(aws_client("s3"), options.model, options.address, allow_sample=options.allow_sample)
    content = {
        "model_version": done.bundle.model_version,
        "model_digest": done.bundle.model_digest,
        "address": done.folder.address,
        "pointer": f"s3://{done.folder.bucket}/{done.folder.pointer}",
        "previous": done.previous,
        "written": done.written,
    }
    print_result(content, _text(done), as_json=options.json)


def _text(done: Publication) -> str:
    version = done.bundle.model_version
    if not done.written:
        first = f"{version} is already the current model; nothing was written."
    elif done.previous in (None, version):
        first = f"Published {version} ({len(done.written)} objects written)."
    else:
        first = f"Published {version}; it replaces {done.previous} ({len(done.written)} objects written)."
    return "\n".join(
        (
            first,
            f"Next: make package MODEL={done.folder.address} MODEL_DIGEST={done.bundle.model_digest}",
        )
    )

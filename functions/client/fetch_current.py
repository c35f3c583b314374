"""Fetch the current model of a bucket: ``python -m functions.client.fetch_current s3://BUCKET/ FOLDER``.

If no model was published yet, nothing is fetched and the exit code is 0.
"""

from __future__ import annotations

import argparse
import sys

from churn_core.cli.arguments import path
from churn_core.cli.output import report_error
from churn_core.errors import ChurnError
from functions.client.publish import fetch_current
from functions.client.storage import aws_client, typed_aws_errors


def main() -> int:
    """Fetch the model; return the exit code, 0 or 1."""
    parser = argparse.ArgumentParser(prog="fetch_current", description=__doc__)
    parser.add_argument("address", metavar="s3://BUCKET/PREFIX/")
    parser.add_argument("folder", type=path, metavar="FOLDER", help="folder to create")
    parser.add_argument(
        "--name", default="churn", help="name of the model in its configuration (default churn)"
    )
    options = parser.parse_args()
    try:
        with typed_aws_errors():
            bundle = fetch_current(aws_client("s3"), options.address, options.name, options.folder)
    except ChurnError as error:
        report_error(error, as_json=False)
        return 1
    print("No model is published yet." if bundle is None else f"{bundle.model_version} is the current model.")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Fetch the current model of a bucket: ``python -m functions.client.fetch_current s3://BUCKET/ FOLDER``.

Where nothing was published yet nothing is fetched, and that is no fault.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from churn_core.cli.output import report_error
from churn_core.errors import ChurnError
from functions.client.publish import fetch_current
from functions.client.storage import aws_client, typed_aws_errors


def main() -> int:
    """Fetch; return an exit code as the commands of ``churn`` do."""
    parser = argparse.ArgumentParser(prog="fetch_current", description=__doc__)
    parser.add_argument("address", metavar="s3://BUCKET/PREFIX/")
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="must not be there yet")
    parser.add_argument("--name", default="churn", help="of the model, as its configuration says")
    options = parser.parse_args()
    try:
        with typed_aws_errors():
            bundle = fetch_current(aws_client("s3"), options.address, options.name, options.folder)
    except ChurnError as error:
        report_error(error, as_json=False)
        return 1
    print("Nothing is published yet." if bundle is None else f"{bundle.model_version} is current.")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""``churn report``: find or open the report of a bundle."""

from __future__ import annotations

import webbrowser
from typing import TYPE_CHECKING, Any

from churn_core.cli.arguments import add_json, add_model
from churn_core.cli.output import print_result
from churn_core.errors import BundleError, OutputError

if TYPE_CHECKING:
    import argparse


def add_commands(commands: Any) -> None:
    """Add the command to the parser."""
    report = commands.add_parser("report", help="print where a model's report is, or open it in a browser")
    add_model(report)
    report.add_argument("--open", action="store_true", help="open it in the browser")
    add_json(report)
    report.set_defaults(run=_report)


def _report(options: argparse.Namespace) -> None:
    from churn_core.scoring.bundle import REPORT, load_bundle

    bundle = load_bundle(options.model)
    page = (options.model / REPORT).absolute()
    if not page.is_file():
        raise BundleError(
            f"The bundle in {options.model} has no {REPORT}; train or fetch the whole bundle again."
        )
    if options.open and not webbrowser.open(page.as_uri()):
        raise OutputError(f"This machine has no browser to open; copy {page} to one that has.")
    warnings = bundle.manifest.get("warnings", [])
    print_result(
        {"model_version": bundle.model_version, "report": str(page), "warnings": warnings},
        "\n".join([*warnings, f"The report of {bundle.model_version} is {page}"]),
        as_json=options.json,
    )

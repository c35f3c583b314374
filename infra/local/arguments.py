"""Command line arguments that several commands of `infra` share."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_model_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--model``, the folder of the bundle to build into the functions; it must hold a bundle."""
    parser.add_argument(
        "--model",
        type=_bundle_folder,
        default="models/churn",
        help="folder of the bundle to build into the functions (default: %(default)s)",
    )


def positive(text: str) -> int:
    """Return a whole number of at least 1."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def _bundle_folder(text: str) -> Path:
    folder = Path(text)
    if not (folder / "manifest.json").exists():
        raise argparse.ArgumentTypeError(
            f"There is no model in {folder}; run 'make demo', or set MODEL to the folder of a bundle."
        )
    return folder

"""The bundle that was there before: kept beside its successor, and brought back."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from churn_core.errors import BundleError, OutputError
from churn_core.scoring.bundle import MANIFEST
from churn_core.scoring.predictor import ChurnPredictor

if TYPE_CHECKING:
    from pathlib import Path

    from churn_core.scoring.bundle import Bundle


def previous_of(folder: Path) -> Path:
    """Return where the bundle is kept that ``folder`` held before."""
    return folder.with_name(f"{folder.name}.previous")


def keep(folder: Path, replaced: Path) -> None:
    """Keep a bundle that was replaced as the previous one of `folder`; the one before it goes.

    Parameters
    ----------
    folder : Path
        Of its successor.
    replaced : Path
        Where it is now, on the same file system.

    Raises
    ------
    OSError
        If it can't be moved.
    """
    previous = previous_of(folder)
    if previous.exists():
        shutil.rmtree(previous)
    replaced.rename(previous)


def bring_back(folder: Path) -> Bundle:
    """Let a bundle and the previous one change places, so that doing it again undoes it.

    Parameters
    ----------
    folder : Path
        The bundle's.

    Returns
    -------
    Bundle
        The one that is in `folder` now.

    Raises
    ------
    BundleError
        If there is no previous bundle, or it does not verify; nothing is moved then.
    OutputError
        If the folders can't be moved.
    """
    folder = folder.absolute()
    previous = previous_of(folder)
    if not (previous / MANIFEST).is_file():
        raise BundleError(
            f"No bundle was kept from before {folder}; 'churn train --promote' keeps what it replaces."
        )
    bundle = ChurnPredictor.load(previous).bundle
    aside = folder.with_name(f"{folder.name}.aside")
    try:
        if folder.exists():
            folder.rename(aside)
        previous.rename(folder)
        if aside.exists():
            aside.rename(previous)
    except OSError as error:
        raise OutputError(f"{folder} can't be replaced ({error.strerror}); check its folder.") from error
    return bundle

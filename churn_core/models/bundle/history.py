"""The previous bundle: kept next to its successor, and restored on request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from churn_core.errors import BundleError, OutputError
from churn_core.scoring.bundle import MANIFEST
from churn_core.scoring.predictor import ChurnPredictor

if TYPE_CHECKING:
    from pathlib import Path

    from churn_core.scoring.bundle import Bundle


def bundle_folder(folder: Path) -> Path:
    """Return the absolute path of a bundle's folder, without ``..``, as it can be renamed.

    A path like ``bundle/../bundle`` leads nowhere while the bundle is renamed. A link that the path itself is
    stays a link.
    """
    folder = folder.absolute()
    return folder.resolve() if folder.name == ".." else folder.parent.resolve() / folder.name


def previous_of(folder: Path) -> Path:
    """Return the folder that holds the previous bundle of `folder`."""
    # Not `with_name`, which fails for the root folder.
    return folder.parent / f"{folder.name}.previous"


def keep(folder: Path, replaced: Path) -> None:
    """Keep a replaced bundle as the previous one of `folder`, and put the one before it in its place.

    Parameters
    ----------
    folder : Path
        The successor's folder.
    replaced : Path
        The replaced bundle's current folder, on the same file system.

    Raises
    ------
    OSError
        If it can't be moved.
    """
    previous = previous_of(folder)
    if previous.exists():
        previous.rename(replaced.with_name(previous.name))
    replaced.rename(previous)


def bring_back(folder: Path) -> Bundle:
    """Exchange a bundle with the previous one; a second call undoes the first.

    Parameters
    ----------
    folder : Path
        The current bundle's folder.

    Returns
    -------
    Bundle
        The bundle that is in `folder` now.

    Raises
    ------
    BundleError
        If there is no previous bundle, or it does not verify. Nothing is moved in that case.
    OutputError
        If the folders can't be moved.
    """
    folder = bundle_folder(folder)
    previous = previous_of(folder)
    if not (previous / MANIFEST).is_file():
        raise BundleError(
            f"{folder} has no previous bundle; 'churn train --promote' keeps the bundle that it replaces."
        )
    bundle = ChurnPredictor.load(previous).bundle
    current = folder.with_name(f"{folder.name}.aside")
    try:
        if folder.exists():
            folder.rename(current)
        previous.rename(folder)
        if current.exists():
            current.rename(previous)
    except OSError as error:
        raise OutputError(
            f"{folder} can't be replaced ({error.strerror}); check that {folder.parent} is writable."
        ) from error
    return bundle

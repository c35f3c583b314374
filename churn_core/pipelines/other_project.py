"""Keep a bundle from being replaced by that of another project."""

from __future__ import annotations

from typing import TYPE_CHECKING

from churn_core.errors import BundleError, OutputError
from churn_core.scoring.bundle import MANIFEST, load_bundle

if TYPE_CHECKING:
    from pathlib import Path

    from churn_core.config import Settings


def refuse_other_project(folder: Path, settings: Settings) -> None:
    """Refuse to replace the bundle in a folder if it is about other customers.

    It is, if it has another name (``project.name``), or if less than half of its columns are those of the
    new model.

    Raises
    ------
    OutputError
        Says how to keep or to replace it.
    """
    if not (folder / MANIFEST).is_file():
        return
    try:
        existing = load_bundle(folder)
    except BundleError:
        # What can't be loaded is no model to lose.
        return
    name = existing.manifest["name"]
    old, new = set(existing.contract.columns), set(settings.contract.columns)
    shared = len(old & new)
    if name != settings.project.name:
        reason = f"the model of project {name!r}, and this one is {settings.project.name!r}"
    elif 2 * shared < len(old):
        reason = f"a model of other columns ({shared} of its {len(old)} match)"
    else:
        return
    raise OutputError(f"{folder} holds {reason}; choose another folder with --out, or add --replace.")

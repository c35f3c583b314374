"""The error about a model family that can't be exported."""

from __future__ import annotations

from typing import TYPE_CHECKING

from churn_core.errors import ExportError

if TYPE_CHECKING:
    from churn_core.models.churn_model import ChurnModel


def no_converter(model: ChurnModel, place: str) -> ExportError:
    """Return the error; it names the file to write.

    Parameters
    ----------
    model : ChurnModel
    place : str
        The file, and in it the table or function, in which the estimator is missing.
    """
    return ExportError(
        f"model.type {model.settings.model.type} can't be exported, so no bundle was written: add a converter"
        f" for {type(model.estimator).__name__} to {place}; docs/extending.md has the recipe."
    )

"""The keys that a section of config.yaml may have, for messages about an unknown one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel

from churn_core.scoring.column_names import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

_Models = list[type[BaseModel]]


def unknown_key(settings: type[BaseModel], place: Sequence[int | str]) -> str:
    """Say that a key is unknown, and which one may be meant.

    Parameters
    ----------
    settings : type
        The model of the whole configuration.
    place : sequence of int or str
        The path of the key, as pydantic reports it; the kind of a feature may be a part of it.
    """
    models: _Models = [settings]
    for part in place[:-1]:
        inner = [
            found
            for model in models
            if (field := model.model_fields.get(str(part))) is not None
            for found in _models_in(field.annotation)
        ]
        of_kind = [model for model in models if _kind(model) == part]
        # The name of a column leads to no model of its own.
        models = inner or of_kind or models
    known = sorted(
        {
            field.alias or name
            for model in models
            for name, field in model.model_fields.items()
            if name != "kind"
        }
    )
    question = did_you_mean(str(place[-1]), known)
    return f"is unknown{question}; known keys are {', '.join(known)}"


def _models_in(annotation: Any) -> _Models:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for argument in get_args(annotation) for model in _models_in(argument)]


def _kind(model: type[BaseModel]) -> str | None:
    field = model.model_fields.get("kind")
    return None if field is None else next(iter(get_args(field.annotation)), None)

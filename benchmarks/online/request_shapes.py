"""Write one customer as a request to each kind of server, and read the score from the answer.

A customer is a list of columns and values, not a dict, so that a column can occur twice.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    Fields = list[tuple[str, Any]]


def _object(fields: Fields) -> str:
    return "{" + ", ".join(f"{json.dumps(name)}: {json.dumps(value)}" for name, value in fields) + "}"


def _dataframe_split(fields: Fields) -> str:
    columns, row = zip(*fields, strict=True)
    return json.dumps({"dataframe_split": {"columns": columns, "data": [row]}})


def _v2_columns(fields: Fields) -> str:
    """Write a table as an Open Inference Protocol request for MLServer's scikit-learn runtime."""
    inputs: list[dict[str, Any]] = []
    for name, value in fields:
        tensor: dict[str, Any] = {"name": name, "shape": [1, 1], "data": [value]}
        if isinstance(value, str):
            tensor |= {"datatype": "BYTES", "parameters": {"content_type": "str"}}
        else:
            tensor["datatype"] = {bool: "BOOL", int: "INT64"}.get(type(value), "FP64")
        inputs.append(tensor)
    wanted = [{"name": "predict_proba"}]
    return json.dumps({"parameters": {"content_type": "pd"}, "inputs": inputs, "outputs": wanted})


@dataclass(frozen=True, slots=True)
class RequestShape:
    """The route of a server's POST, a writer of the body, and a reader of the answer's probability."""

    path: str
    write: Callable[[Fields], str]
    read_score: Callable[[Any], float]


def _named(answer: Any) -> float:
    score: float = answer["churn_probability"]
    return score


PLAIN: Final = RequestShape("/predict", _object, _named)
BENTOML: Final = RequestShape("/predict", lambda fields: f'{{"customer": {_object(fields)}}}', _named)
MLFLOW: Final = RequestShape("/invocations", _dataframe_split, lambda answer: answer["predictions"][0][1])
V2: Final = RequestShape(
    "/v2/models/churn/infer", _v2_columns, lambda answer: answer["outputs"][0]["data"][1]
)

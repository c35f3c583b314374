"""The JSON part of the Open Inference Protocol, version 2: customers column by column.

See https://github.com/kserve/open-inference-protocol (specification/protocol/inference_rest.md). The
inputs are the contract's raw columns. The outputs are the probability and, where it is requested, the names
of the columns whose value was scored with a warning.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from churn_core import __version__
from churn_core.schema import MAX_TEXT_LENGTH, NumberFeature
from functions.score.errors import Problem, RequestRefusedError
from functions.score.limits import MAX_CUSTOMERS
from functions.score.request_body import lower_headers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from churn_core.schema import Contract, Feature
    from churn_core.scoring.bundle import Bundle

MODEL_NAME: Final = "churn"
PROBABILITY, WARNINGS = "churn_probability", "warnings"
OUTPUTS: Final = {PROBABILITY: "FP64", WARNINGS: "BYTES"}
"""The outputs and their datatypes; an answer has the first one if a request names none."""

ELEMENT_TYPES: Final[dict[str, tuple[type, ...]]] = (
    {"BYTES": (str,), "BOOL": (bool,)}
    | {f"{sign}INT{bits}": (int,) for sign in ("", "U") for bits in (8, 16, 32, 64)}
    | {"FP32": (float, int), "FP64": (float, int)}
)
"""Python types of a datatype's elements; null is always allowed."""


def server_metadata() -> dict[str, Any]:
    """Return name, version and extensions of this server; it has no extensions."""
    return {"name": "churn-stack", "version": __version__, "extensions": []}


def model_metadata(bundle: Bundle) -> dict[str, Any]:
    """Return the model's inputs and outputs."""
    return {
        "name": MODEL_NAME,
        "versions": [bundle.model_version],
        "platform": "onnxruntime_onnx",
        "inputs": [
            {"name": name, "datatype": datatype, "shape": [-1]}
            for name, datatype in datatypes(bundle.contract).items()
        ],
        "outputs": [
            {"name": name, "datatype": datatype, "shape": [-1]} for name, datatype in OUTPUTS.items()
        ],
    }


def datatypes(contract: Contract) -> dict[str, str]:
    """Return the datatype that each input column is described with; dates are text."""
    return {column: _datatype(feature) for feature in contract.features for column in feature.columns}


def _datatype(feature: Feature) -> str:
    if isinstance(feature, NumberFeature) and feature.days is None:
        return "INT64" if feature.integer else "FP64"
    return "BYTES"


def refuse_binary(event: Mapping[str, Any]) -> None:
    """Refuse a body with binary tensors after its JSON.

    Raises
    ------
    RequestRefusedError
        If the header announces binary tensors.
    """
    if "inference-header-content-length" in lower_headers(event):
        raise _invalid("Binary tensors are not supported; send all data in the JSON.")


@dataclass(frozen=True, slots=True)
class InferenceRequest:
    """A request, read.

    Attributes
    ----------
    customers : list of dict
        Records, one per row.
    identifier : str or None
        The request's own id, which is returned with the answer.
    outputs : tuple of str
        The requested outputs, in their order.
    """

    customers: list[dict[str, Any]]
    identifier: str | None
    outputs: tuple[str, ...]


def read_request(body: Any, contract: Contract) -> InferenceRequest:
    """Turn a request's columns into records; the encoder checks their values.

    Raises
    ------
    RequestRefusedError
        ``inference-request`` if an input is unknown, repeated, of an unknown datatype, or has another
        shape than it declares; ``too-many-rows`` over `MAX_CUSTOMERS` rows.
    """
    if not isinstance(body, dict) or not isinstance(body.get("inputs"), list) or not body["inputs"]:
        raise _invalid("The body must be an object with a list 'inputs' that is not empty.")
    outputs = _requested_outputs(body.get("outputs", []))
    columns: dict[str, list[Any]] = {}
    allowed = {*contract.columns, contract.id_column}
    for position, tensor in enumerate(body["inputs"]):
        name, values = _read_input(tensor, position, allowed)
        if name in columns:
            raise _invalid(f"Input {position} repeats the column of an earlier input; remove one of them.")
        columns[name] = values
    if len(set(map(len, columns.values()))) > 1:
        raise _invalid("All inputs must have the same number of rows.")
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return InferenceRequest(rows, _identifier(body.get("id")), outputs)


def answer(request: InferenceRequest, answers: Sequence[Mapping[str, Any]], bundle: Bundle) -> dict[str, Any]:
    """Return the inference response; its parameters name the columns with a warning in any row."""
    data = {
        PROBABILITY: [customer["churn_probability"] for customer in answers],
        WARNINGS: [",".join(customer["warnings"]) for customer in answers],
    }
    found = {name for customer in answers for name in customer["warnings"]}
    warnings = [name for name in bundle.contract.names if name in found]
    return {
        "model_name": MODEL_NAME,
        "model_version": bundle.model_version,
        **({} if request.identifier is None else {"id": request.identifier}),
        **({"parameters": {WARNINGS: ",".join(warnings)}} if warnings else {}),
        "outputs": [
            {"name": name, "datatype": OUTPUTS[name], "shape": [len(answers)], "data": data[name]}
            for name in request.outputs
        ],
    }


def _invalid(detail: str) -> RequestRefusedError:
    return RequestRefusedError(Problem.INFERENCE_REQUEST, detail=detail)


def _requested_outputs(outputs: object) -> tuple[str, ...]:
    if not isinstance(outputs, list):
        raise _invalid("The member 'outputs' must be a list; or leave it out.")
    names = [output.get("name") if isinstance(output, dict) else None for output in outputs]
    if any(not isinstance(name, str) or name not in OUTPUTS for name in names):
        raise _invalid(f"The outputs are {' and '.join(OUTPUTS)}; request these, or leave out 'outputs'.")
    return tuple(dict.fromkeys(map(str, names))) or (PROBABILITY,)


def _identifier(found: object) -> str | None:
    if found is None or (isinstance(found, str) and len(found) <= MAX_TEXT_LENGTH and found.isprintable()):
        return found
    raise _invalid(f"The id must be printable text of at most {MAX_TEXT_LENGTH} characters; or leave it out.")


def _read_input(tensor: object, position: int, allowed: set[str | None]) -> tuple[str, list[Any]]:
    if not isinstance(tensor, dict):
        raise _invalid(f"Input {position} must be an object with name, datatype, shape and data.")
    name, declared = tensor.get("name"), tensor.get("datatype")
    if not isinstance(name, str) or name not in allowed:
        raise _invalid(f"Input {position} is not a column of this model; see GET /v2/models/{MODEL_NAME}.")
    parameters = tensor.get("parameters", {})
    if not isinstance(parameters, dict) or "binary_data_size" in parameters:
        raise _invalid(f"Input {name!r} is binary, which is not supported; send its data in the JSON.")
    types = ELEMENT_TYPES.get(declared) if isinstance(declared, str) else None
    if types is None:
        raise _invalid(f"The datatype of input {name!r} must be one of {', '.join(ELEMENT_TYPES)}.")
    values = _rows(tensor.get("data"), tensor.get("shape"), name)
    if any(value is not None and type(value) not in types for value in values):
        raise _invalid(f"Input {name!r} has values that are not {declared}.")
    return name, values


def _rows(data: object, shape: object, name: str) -> list[Any]:
    """Return a tensor's rows; the size of a second dimension must be 1."""
    if not isinstance(data, list):
        raise _invalid(f"The data of input {name!r} must be a list.")
    if len(data) > MAX_CUSTOMERS:
        raise RequestRefusedError(Problem.TOO_MANY_ROWS)
    rows = [row[0] if isinstance(row, list) and len(row) == 1 else row for row in data]
    if not data or shape not in ([len(rows)], [len(rows), 1]):
        raise _invalid(
            f"Input {name!r} must have at least one row, and the shape [rows] or [rows, 1] of its data."
        )
    return rows

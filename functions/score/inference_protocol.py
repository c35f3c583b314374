"""The JSON half of the Open Inference Protocol, version 2: customers column by column.

See https://github.com/kserve/open-inference-protocol (specification/protocol/inference_rest.md). The
inputs are the contract's raw columns; the one output is the probability.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from churn_core import __version__
from churn_core.schema import MAX_TEXT_LENGTH, NumberFeature
from functions.score.errors import RequestRefusedError, TooManyRowsError
from functions.score.limits import MAX_CUSTOMERS
from functions.score.request_body import lower_headers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from churn_core.schema import Contract
    from churn_core.scoring.bundle import Bundle

MODEL_NAME: Final = "churn"
OUTPUT: Final = "churn_probability"

_ELEMENTS: Final[dict[str, tuple[type, ...]]] = (
    {"BYTES": (str,), "BOOL": (bool,)}
    | {f"{sign}INT{bits}": (int,) for sign in ("", "U") for bits in (8, 16, 32, 64)}
    | {"FP32": (float, int), "FP64": (float, int)}
)
"""JSON types that the elements of a datatype may have, null aside."""


class InferenceRequestError(RequestRefusedError):
    """The body is no inference request that this model takes."""

    status = HTTPStatus.BAD_REQUEST
    kind = "inference-request"
    title = "Invalid inference request"

    def __init__(self, detail: str) -> None:
        super().__init__()
        self.detail = detail


@dataclass(frozen=True, slots=True)
class InferenceRequest:
    """An inference request, turned into records.

    Attributes
    ----------
    customers : list of dict
        Column name to value, one a row.
    identifier : str or None
        The request's own id, to be handed back.
    """

    customers: list[dict[str, Any]]
    identifier: str | None


def server_metadata() -> dict[str, Any]:
    """Return name, version and extensions of this server; it has no extension."""
    return {"name": "churn-stack", "version": __version__, "extensions": []}


def model_metadata(bundle: Bundle) -> dict[str, Any]:
    """Return the model's inputs and outputs."""
    return {
        "name": MODEL_NAME,
        "versions": [bundle.model_version],
        "platform": "onnxruntime_onnx",
        "inputs": [
            {
                "name": feature.name,
                "datatype": ("INT64" if feature.integer else "FP64")
                if isinstance(feature, NumberFeature)
                else "BYTES",
                "shape": [-1],
            }
            for feature in bundle.contract.features
        ],
        "outputs": [{"name": OUTPUT, "datatype": "FP64", "shape": [-1]}],
    }


def refuse_binary(event: Mapping[str, Any]) -> None:
    """Refuse a body with binary tensors behind its JSON.

    Raises
    ------
    InferenceRequestError
        If the header says that there are any.
    """
    if "inference-header-content-length" in lower_headers(event):
        raise InferenceRequestError("Binary tensors are not taken; send all data in the JSON.")


def read_request(body: Any, contract: Contract) -> InferenceRequest:
    """Turn a request's columns into records; their values are left to the encoder.

    Raises
    ------
    InferenceRequestError
        If an input is unknown, given twice, of an unknown datatype or of another shape than it says.
    TooManyRowsError
        If there are more than `MAX_CUSTOMERS` rows.
    """
    if not isinstance(body, dict) or not isinstance(body.get("inputs"), list) or not body["inputs"]:
        raise InferenceRequestError("The body must be an object with a list 'inputs' that is not empty.")
    _check_outputs(body.get("outputs", []))
    columns: dict[str, list[Any]] = {}
    allowed = {*contract.names, *([contract.id_column] if contract.id_column else [])}
    for position, tensor in enumerate(body["inputs"]):
        name, values = _read_input(tensor, position, allowed)
        if name in columns:
            raise InferenceRequestError(f"Input {position} names a column that an earlier input has named.")
        columns[name] = values
    lengths = {len(values) for values in columns.values()}
    if len(lengths) > 1:
        raise InferenceRequestError("All inputs must have the same number of rows.")
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return InferenceRequest(rows, _identifier(body.get("id")))


def answer(request: InferenceRequest, answers: Sequence[Mapping[str, Any]], bundle: Bundle) -> dict[str, Any]:
    """Return the inference response."""
    named = {} if request.identifier is None else {"id": request.identifier}
    return {
        "model_name": MODEL_NAME,
        "model_version": bundle.model_version,
        **named,
        "outputs": [
            {
                "name": OUTPUT,
                "datatype": "FP64",
                "shape": [len(answers)],
                "data": [customer["churn_probability"] for customer in answers],
            }
        ],
    }


def _check_outputs(outputs: object) -> None:
    if not isinstance(outputs, list) or any(
        not isinstance(output, dict) or output.get("name") != OUTPUT for output in outputs
    ):
        raise InferenceRequestError(f"The only output is {OUTPUT!r}; ask for it, or leave 'outputs' out.")


def _identifier(found: object) -> str | None:
    if found is None:
        return None
    if isinstance(found, str) and len(found) <= MAX_TEXT_LENGTH and found.isprintable():
        return found
    raise InferenceRequestError(
        f"The id must be printable text of at most {MAX_TEXT_LENGTH} characters, or be left out."
    )


def _read_input(tensor: object, position: int, allowed: set[str]) -> tuple[str, list[Any]]:
    if not isinstance(tensor, dict):
        raise InferenceRequestError(
            f"Input {position} must be an object with name, datatype, shape and data."
        )
    name, datatype = tensor.get("name"), tensor.get("datatype")
    if not isinstance(name, str) or name not in allowed:
        raise InferenceRequestError(
            f"Input {position} is no column of this model; GET /v2/models/{MODEL_NAME} lists them."
        )
    parameters = tensor.get("parameters", {})
    if not isinstance(parameters, dict) or "binary_data_size" in parameters:
        raise InferenceRequestError(
            f"Input {name!r} is binary, which is not taken; send its data in the JSON."
        )
    elements = _ELEMENTS.get(datatype) if isinstance(datatype, str) else None
    if elements is None:
        raise InferenceRequestError(f"The datatype of input {name!r} must be one of {', '.join(_ELEMENTS)}.")
    values = _flat(tensor.get("data"), tensor.get("shape"), name)
    if any(value is not None and type(value) not in elements for value in values):
        raise InferenceRequestError(f"Input {name!r} holds values of another datatype than {datatype}.")
    return name, values


def _flat(data: object, shape: object, name: str) -> list[Any]:
    """Return a tensor's rows; a second dimension may only be 1."""
    if not isinstance(data, list):
        raise InferenceRequestError(f"The data of input {name!r} must be a list.")
    if len(data) > MAX_CUSTOMERS:
        raise TooManyRowsError
    rows = [row[0] if isinstance(row, list) and len(row) == 1 else row for row in data]
    if not data or shape not in ([len(rows)], [len(rows), 1]):
        raise InferenceRequestError(
            f"The shape of input {name!r} must be [rows] or [rows, 1] as its data is, with one row or more."
        )
    return rows

"""Check an ONNX file before onnxruntime loads it.

A model may make onnxruntime read tensors from other files, or use custom operators, which come with code.
A bundle's model may do neither. The ``onnx`` package is not shipped in the Lambdas, so this module reads
the relevant fields from the protobuf wire format (protobuf.dev, "Encoding"; field numbers of onnx.proto).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from churn_core.errors import BundleError

if TYPE_CHECKING:
    from collections.abc import Iterator

ALLOWED_DOMAINS: Final = frozenset({"", "ai.onnx", "ai.onnx.ml"})

_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5

# For each message, the field numbers of nested messages that are checked, and the kind of each.
INSPECTED: Final[dict[str, dict[int, str]]] = {
    "model": {7: "graph", 8: "opset", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node", 9: "opset", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
    "opset": {},
}
_TENSOR_EXTERNAL_DATA, _TENSOR_DATA_LOCATION = 13, 14
_OPSET_DOMAIN, _NODE_DOMAIN = 1, 7
_ORT_FORMAT: Final = b"ORTM"

# A tree ensemble stores 100,000 numbers as a field each. Regular expressions skip whole runs of them.
_NUMBER_RUN = re.compile(rb"(?:\x3d.{4})+|(?:\x40[\x80-\xff]*[\x00-\x7f])+", re.DOTALL)
_MODE_RUN = re.compile(rb"(?:\x4a\x0aBRANCH_LEQ|\x4a\x04LEAF)+")


def refuse_unsafe_model(content: bytes) -> None:
    """Check that a model holds all its data and uses only standard operators.

    Parameters
    ----------
    content : bytes
        A serialised ``onnx.ModelProto``.

    Raises
    ------
    BundleError
        If a tensor's data is outside the file, an operator's domain is not one of ONNX, or the bytes are
        not an ONNX model.
    """
    if content[4:8] == _ORT_FORMAT:
        # onnxruntime loads any file with these four bytes as its own ORT format.
        raise BundleError("model.onnx is not an ONNX model; train or fetch the bundle again.")
    try:
        has_graph = _inspect(memoryview(content), "model")
    except (IndexError, ValueError, RecursionError) as error:
        raise BundleError("model.onnx is not an ONNX model; train or fetch the bundle again.") from error
    if not has_graph:
        raise BundleError("model.onnx does not hold a graph; train or fetch the bundle again.")


def _inspect(message: memoryview, kind: str) -> bool:
    nested = INSPECTED[kind]
    found_graph = False
    for field, value in _fields(message, skip_runs=kind == "attribute"):
        if kind == "tensor" and field in (_TENSOR_EXTERNAL_DATA, _TENSOR_DATA_LOCATION) and value != 0:
            raise BundleError(
                "model.onnx refers to data outside the file; only self-contained models are read."
            )
        if isinstance(value, int):
            continue
        if (kind, field) in (("opset", _OPSET_DOMAIN), ("node", _NODE_DOMAIN)):
            if bytes(value).decode("utf-8") not in ALLOWED_DOMAINS:
                raise BundleError(
                    "model.onnx uses custom operators and is not loaded; only ONNX's own are allowed."
                )
        elif field in nested:
            found_graph |= nested[field] == "graph"
            _inspect(value, nested[field])
    return found_graph


def _fields(message: memoryview, *, skip_runs: bool) -> Iterator[tuple[int, int | memoryview]]:
    position, end = 0, len(message)
    while position < end:
        if skip_runs:
            run = _NUMBER_RUN.match(message, position) or _MODE_RUN.match(message, position)
            if run:
                position = run.end()
                continue
        key, position = _read_varint(message, position)
        if key >> 32:
            # protobuf drops bits above 32, and would read another field number than this code.
            raise ValueError("field number too large")
        field, wire = key >> 3, key & 7
        if wire == _VARINT:
            value, position = _read_varint(message, position)
            yield field, value
        elif wire == _LENGTH:
            size, position = _read_varint(message, position)
            if position + size > end:
                raise ValueError("truncated")
            yield field, message[position : position + size]
            position += size
        elif wire in (_FIXED32, _FIXED64):
            position += 4 if wire == _FIXED32 else 8
        else:
            raise ValueError("unknown wire type")
    if position != end:
        raise ValueError("truncated")


def _read_varint(message: memoryview, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
        if shift > 63:
            raise ValueError("varint too long")

"""Models whose bytes this check and onnxruntime might read differently."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
from onnx import AttributeProto, TensorProto, helper, numpy_helper

from churn_core.errors import BundleError
from churn_core.schema import Contract, NumberFeature
from churn_core.scoring.onnx_inspection import refuse_unsafe_model
from tests.mirror_model import mirror

if TYPE_CHECKING:
    from collections.abc import Callable

GRAPH_KEY, INITIALIZER_KEY = 7 << 3 | 2, 5 << 3 | 2
DATA_LOCATION = 14


def varint(number: int) -> bytes:
    groups = bytearray()
    while number > 0x7F:
        groups.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*groups, number])


def field(key: int, content: bytes) -> bytes:
    return varint(key) + varint(len(content)) + content


def weights(*, external: bool) -> onnx.TensorProto:
    tensor = numpy_helper.from_array(np.ones(3, dtype=np.float32), "weights")
    if external:
        tensor.data_location = TensorProto.EXTERNAL
    return tensor


def in_a_list_of_tensors(tensor: onnx.TensorProto) -> AttributeProto:
    return AttributeProto(name="all", type=AttributeProto.TENSORS, tensors=[tensor])


def in_a_list_of_graphs(tensor: onnx.TensorProto) -> AttributeProto:
    graph = helper.make_graph([], "inner", [], [], [tensor])
    return AttributeProto(name="all", type=AttributeProto.GRAPHS, graphs=[graph])


def in_the_indices_of_a_sparse_tensor(tensor: onnx.TensorProto) -> AttributeProto:
    sparse = onnx.SparseTensorProto(values=weights(external=False), indices=tensor, dims=[9])
    return AttributeProto(name="one", type=AttributeProto.SPARSE_TENSOR, sparse_tensor=sparse)


def in_a_list_of_sparse_tensors(tensor: onnx.TensorProto) -> AttributeProto:
    sparse = onnx.SparseTensorProto(values=tensor, dims=[9])
    return AttributeProto(name="all", type=AttributeProto.SPARSE_TENSORS, sparse_tensors=[sparse])


def behind_a_run_of_numbers(tensor: onnx.TensorProto) -> AttributeProto:
    # An attribute has one type, but the wire format allows several.
    return AttributeProto(
        name="mixed",
        floats=[1.5] * 40,
        ints=[2**40] * 40,
        strings=[b"LEAF"] * 9,
        type=AttributeProto.TENSOR,
        t=tensor,
    )


@pytest.mark.parametrize(
    "place",
    [
        *(in_a_list_of_tensors, in_a_list_of_graphs, in_the_indices_of_a_sparse_tensor),
        *(in_a_list_of_sparse_tensors, behind_a_run_of_numbers),
    ],
)
def test_data_outside_the_file_is_found_in_every_kind_of_attribute(
    place: Callable[[onnx.TensorProto], AttributeProto],
) -> None:
    def content(*, external: bool) -> bytes:
        node = onnx.NodeProto(op_type="Constant", attribute=[place(weights(external=external))])
        graph = helper.make_graph([node], "g", [], [])
        serialised: bytes = helper.make_model(graph).SerializeToString()
        return serialised

    refuse_unsafe_model(content(external=False))
    with pytest.raises(BundleError, match="outside the file"):
        refuse_unsafe_model(content(external=True))


@pytest.mark.parametrize("entries", [0, 1])
@pytest.mark.parametrize("location", [TensorProto.DEFAULT, TensorProto.EXTERNAL])
def test_each_of_the_two_fields_for_outside_data_is_refused(
    entries: int, location: TensorProto.DataLocation
) -> None:
    tensor = weights(external=False)
    tensor.data_location = location
    for _ in range(entries):
        entry = tensor.external_data.add()
        entry.key, entry.value = "location", "weights.bin"
    content = helper.make_model(helper.make_graph([], "g", [], [], [tensor])).SerializeToString()
    if not entries and location == TensorProto.DEFAULT:
        refuse_unsafe_model(content)
        return
    with pytest.raises(BundleError, match="outside the file"):
        refuse_unsafe_model(content)


@pytest.mark.parametrize("high_bits", [1 << 32, 1 << 33, 7 << 32])
def test_a_field_number_that_protobuf_would_truncate_is_refused(high_bits: int) -> None:
    tensor = weights(external=False).SerializeToString() + varint(DATA_LOCATION << 3 | high_bits) + b"\1"
    content = field(GRAPH_KEY, field(INITIALIZER_KEY, tensor))
    with pytest.raises(BundleError, match="not an ONNX model"):
        refuse_unsafe_model(content)


def test_a_field_number_with_padding_bytes_is_the_same_field() -> None:
    key = bytes([DATA_LOCATION << 3 | 0x80, 0x80, 0x00])
    content = field(GRAPH_KEY, field(INITIALIZER_KEY, key + b"\1"))
    with pytest.raises(BundleError, match="outside the file"):
        refuse_unsafe_model(content)


def test_a_second_graph_is_checked_because_protobuf_merges_both() -> None:
    clean = helper.make_model(helper.make_graph([], "g", [], [])).SerializeToString()
    bad = helper.make_graph([], "g", [], [], [weights(external=True)]).SerializeToString()
    for content in (clean + field(GRAPH_KEY, bad), field(GRAPH_KEY, bad) + clean):
        with pytest.raises(BundleError, match="outside the file"):
            refuse_unsafe_model(content)


def test_a_model_that_onnxruntime_would_load_as_ort_format_is_refused() -> None:
    content = mirror(Contract((NumberFeature("n", 0, 1),), "left", "yes", "no")).bundle.graph
    refuse_unsafe_model(field(2 << 3 | 2, b"producer") + content)
    with pytest.raises(BundleError, match="not an ONNX model"):
        refuse_unsafe_model(field(2 << 3 | 2, b"??ORTM") + content)


@pytest.mark.parametrize("domain", ["com.microsoft", "AI.ONNX", "ai.onnx.preview", "ai.onnx\0", " "])
def test_only_the_exact_names_of_onnx_domains_are_allowed(domain: str) -> None:
    node = onnx.NodeProto(op_type="Run", domain=domain)
    content = helper.make_model(helper.make_graph([node], "g", [], [])).SerializeToString()
    with pytest.raises(BundleError, match="custom operators"):
        refuse_unsafe_model(content)


def test_very_deeply_nested_graphs_are_refused() -> None:
    content = b""
    for _ in range(3_000):
        # A graph in an attribute (field 6) of a node (field 1) of a graph.
        content = field(1 << 3 | 2, field(5 << 3 | 2, field(6 << 3 | 2, content)))
    with pytest.raises(BundleError, match="not an ONNX model"):
        refuse_unsafe_model(field(GRAPH_KEY, content))


def test_a_truncated_model_is_refused_at_every_length() -> None:
    content = mirror(Contract((NumberFeature("n", 0, 1),), "left", "yes", "no")).bundle.graph
    for size in range(len(content)):
        # Bytes cut between two fields may still be a model; onnxruntime then decides.
        try:
            refuse_unsafe_model(content[:size])
        except BundleError:
            continue

"""Unsafe models are refused before onnxruntime loads them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from churn_core.errors import BundleError
from churn_core.scoring.onnx_inspection import INSPECTED, refuse_unsafe_model

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def external(tensor: onnx.TensorProto) -> onnx.TensorProto:
    """Make a tensor refer to data in a file that an attacker chose."""
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "../../etc/passwd"
    return tensor


def tensor() -> onnx.TensorProto:
    return numpy_helper.from_array(np.ones(3, dtype=np.float32), "weights")


def model(
    nodes: list[onnx.NodeProto], initializers: list[onnx.TensorProto] | None = None, domain: str = ""
) -> onnx.ModelProto:
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [3])
    graph = helper.make_graph(nodes, "g", [value], [value], initializers or [])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid(domain, 21)])


def in_a_branch(tensor: onnx.TensorProto) -> onnx.ModelProto:
    branch = helper.make_graph([], "branch", [], [], [tensor])
    return model([helper.make_node("If", ["x"], ["y"], then_branch=branch, else_branch=branch)])


def in_a_sparse_initializer(tensor: onnx.TensorProto) -> onnx.ModelProto:
    indices = numpy_helper.from_array(np.arange(3), "indices")
    result = model([])
    result.graph.sparse_initializer.append(helper.make_sparse_tensor(tensor, indices, [9]))
    return result


def in_training_info(name: str, tensor: onnx.TensorProto) -> onnx.ModelProto:
    result = model([])
    getattr(result.training_info.add(), name).CopyFrom(helper.make_graph([], "g", [], [], [tensor]))
    return result


def in_a_list_of_tensors(tensor: onnx.TensorProto) -> onnx.ModelProto:
    node = helper.make_node("Constant", [], ["y"])
    node.attribute.add(name="values", type=onnx.AttributeProto.TENSORS).tensors.append(tensor)
    return model([node])


def in_a_default_of_a_function(tensor: onnx.TensorProto) -> onnx.ModelProto:
    result = model([])
    function = result.functions.add(name="f", domain="ai.onnx")
    function.attribute_proto.append(helper.make_attribute("weights", tensor))
    return result


PLACES: list[Callable[[onnx.TensorProto], onnx.ModelProto]] = [
    lambda tensor: model([], [tensor]),
    lambda tensor: model([helper.make_node("Constant", [], ["y"], value=tensor)]),
    in_a_branch,
    in_a_sparse_initializer,
    in_a_list_of_tensors,
    in_a_default_of_a_function,
    lambda tensor: in_training_info("initialization", tensor),
    lambda tensor: in_training_info("algorithm", tensor),
]


def test_every_field_of_onnx_that_can_hold_a_tensor_is_inspected() -> None:
    """Compare the inspected fields with those of the installed onnx, whose format may grow."""
    names = {
        "ModelProto": "model",
        "TrainingInfoProto": "training",
        "GraphProto": "graph",
        "FunctionProto": "function",
        "NodeProto": "node",
        "AttributeProto": "attribute",
        "SparseTensorProto": "sparse",
        "TensorProto": "tensor",
    }
    found: dict[str, dict[int, str]] = {}

    def collect(message: Any) -> None:
        if message.name not in found:
            found[message.name] = {f.number: f.message_type.name for f in message.fields if f.message_type}
            for child in message.fields:
                if child.message_type:
                    collect(child.message_type)

    collect(onnx.ModelProto.DESCRIPTOR)
    holders = {"TensorProto"}
    while True:
        more = {name for name, children in found.items() if holders & set(children.values())} - holders
        if not more:
            break
        holders |= more
    assert holders == set(names)
    for name in holders:
        wanted = {number: names[kind] for number, kind in found[name].items() if kind in holders}
        inspected = {number: kind for number, kind in INSPECTED[names[name]].items() if kind != "opset"}
        assert inspected == wanted, name


@pytest.mark.parametrize("place", PLACES)
def test_a_reference_to_data_outside_the_file_is_refused_at_any_place(
    place: Callable[[onnx.TensorProto], onnx.ModelProto],
) -> None:
    refuse_unsafe_model(place(tensor()).SerializeToString())
    with pytest.raises(BundleError, match="outside the file"):
        refuse_unsafe_model(place(external(tensor())).SerializeToString())


def test_operators_of_other_domains_are_refused() -> None:
    with pytest.raises(BundleError, match="custom operators"):
        refuse_unsafe_model(model([], domain="com.evil").SerializeToString())
    node = helper.make_node("Run", ["x"], ["y"], domain="com.evil")
    with pytest.raises(BundleError, match="custom operators"):
        refuse_unsafe_model(model([node]).SerializeToString())


def test_functions_inside_the_model_are_checked() -> None:
    result = model([])
    node = helper.make_node("Constant", [], ["y"], value=external(tensor()))
    result.functions.append(
        helper.make_function("ai.onnx", "f", [], ["y"], [node], [helper.make_opsetid("", 21)])
    )
    with pytest.raises(BundleError, match="outside the file"):
        refuse_unsafe_model(result.SerializeToString())


@pytest.mark.parametrize("content", [b"", b"\x08\x08", b"garbage that is no model", b"\xff" * 40])
def test_bytes_that_are_not_a_model_are_refused(content: bytes) -> None:
    with pytest.raises(BundleError):
        refuse_unsafe_model(content)


def test_a_model_that_is_cut_off_is_refused(sample_bundle: Path) -> None:
    content = (sample_bundle / "model.onnx").read_bytes()
    with pytest.raises(BundleError):
        refuse_unsafe_model(content[: len(content) // 2])

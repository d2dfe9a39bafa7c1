"""The exported graph as the NPU compiler takes it: the same function in one file, written in its words.

Four rewrites, none of which changes what is computed (tests/model_pipeline/npu/test_fold.py runs both):

1. Weights. A package's graphs point into ``weights.safetensors`` and dequantise as they load; the compiler
   stumbles over that. Each becomes a float32 constant ``int8 * scale``, which is what DequantizeLinear computes.
2. Constants. torch writes some as lists and casts some to the type of a tensor; the compiler fails on the first and
   runs the second on the CPU. They become plain tensors.
3. Norms. ``x * Reciprocal(Sqrt(m))`` becomes ``x / Sqrt(m)``, which the compiler knows as an RMS norm: one operation
   on the NPU instead of four and one on the CPU.
4. Shapes. Everything that depends on no input is computed once (onnxslim).
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxslim
from numpy.typing import NDArray
from onnx import numpy_helper
from onnx.external_data_helper import load_external_data_for_tensor

from model_pipeline.errors import WeightsUnusable

LISTS = {"value_float": np.float32, "value_floats": np.float32, "value_int": np.int64, "value_ints": np.int64}
Constants = dict[str, NDArray[np.generic]]


def folded(path: Path) -> onnx.ModelProto:
    """Return the graph of ``path``, which lies beside its weights file, rewritten; raises WeightsUnusable."""
    model = onnx.load(path, load_external_data=False)
    constants = _constants(model.graph, path.parent)
    nodes = [node for node in model.graph.node if not _constant(node, constants)]
    nodes = _divided(nodes)
    used = {name for node in nodes for name in node.input}
    del model.graph.node[:], model.graph.initializer[:]
    model.graph.node.extend(nodes)
    model.graph.initializer.extend(
        numpy_helper.from_array(np.asarray(a, order="C"), n) for n, a in constants.items() if n in used
    )
    onnx.checker.check_model(model)
    slim: onnx.ModelProto = onnxslim.slim(model)
    onnx.checker.check_model(slim)
    return slim


def _constants(graph: onnx.GraphProto, folder: Path) -> Constants:
    """Return every initialiser, those of the weights file too."""
    for tensor in graph.initializer:
        if tensor.external_data:
            load_external_data_for_tensor(tensor, str(folder))
            tensor.data_location = onnx.TensorProto.DEFAULT
            del tensor.external_data[:]
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}


def _constant(node: onnx.NodeProto, constants: Constants) -> bool:
    """Put the node's value into ``constants`` where it is one (rewrites 1 and 2), and say so."""
    make = _MAKERS.get(node.op_type)
    value = make(node, constants) if make else None
    if value is not None:
        constants[node.output[0]] = value
    return value is not None


def _dequantised(node: onnx.NodeProto, constants: Constants) -> NDArray[np.generic]:
    """int8 * scale, one scale for each index of axis 0."""
    axis = next((a.i for a in node.attribute if a.name == "axis"), 1)
    if any(name not in constants for name in node.input) or len(node.input) != 2 or axis != 0:
        raise WeightsUnusable(
            f"{node.name}: expected DequantizeLinear of a constant with one scale for each output channel, came "
            f"axis {axis}, inputs {list(node.input)}; export the graphs by model_pipeline.export.graphs"
        )
    q, scale = (constants[name] for name in node.input)
    return q.astype(np.float32) * scale.astype(np.float32).reshape(-1, *([1] * (q.ndim - 1)))


def _written(node: onnx.NodeProto, _: Constants) -> NDArray[np.generic]:
    """Value of a Constant node, whichever way it is written."""
    (attribute,) = node.attribute
    value = onnx.helper.get_attribute_value(attribute)
    return np.array(value, LISTS[attribute.name]) if attribute.name in LISTS else numpy_helper.to_array(value)


def _cast_to_its_own_type(node: onnx.NodeProto, constants: Constants) -> NDArray[np.generic] | None:
    """CastLike of a float constant: all tensors of the graphs that it could be cast like are float32."""
    value = constants.get(node.input[0])
    return value if value is not None and value.dtype == np.float32 else None


_MAKERS: dict[str, Callable[[onnx.NodeProto, Constants], NDArray[np.generic] | None]] = {
    "DequantizeLinear": _dequantised,
    "Constant": _written,
    "CastLike": _cast_to_its_own_type,
}


def _divided(nodes: list[onnx.NodeProto]) -> list[onnx.NodeProto]:
    """Rewrite ``x * Reciprocal(Sqrt(m))`` as ``x / Sqrt(m)`` (rewrite 3)."""
    roots = {node.output[0] for node in nodes if node.op_type == "Sqrt"}
    inverse = {n.output[0]: n.input[0] for n in nodes if n.op_type == "Reciprocal" and n.input[0] in roots}
    for node in nodes:
        if node.op_type == "Mul" and node.input[1] in inverse:
            node.op_type, node.input[1] = "Div", inverse[node.input[1]]
    used = {name for node in nodes for name in node.input}
    return [
        n for n in nodes if not (n.op_type == "Reciprocal" and n.output[0] in inverse and n.output[0] not in used)
    ]

"""The exported graph with its INT8 weights as float constants: the same function in one file, for the NPU compiler.

A package's graphs point into ``weights.safetensors`` and dequantise when they are loaded. The compiler has no external
data of that kind and stumbles over DequantizeLinear, so each weight is multiplied out here, once, as
``int8 * scale`` in float32, which is what DequantizeLinear computes. No other node is touched.
"""

from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper
from onnx.external_data_helper import load_external_data_for_tensor

from model_pipeline.errors import WeightsUnusable

DEQUANTISE = "DequantizeLinear"


def folded(path: Path) -> onnx.ModelProto:
    """Return the graph of ``path`` with every weight inside it as float32; raises WeightsUnusable.

    ``path`` lies beside the weights file that it points into.
    """
    model = onnx.load(path, load_external_data=False)
    for tensor in model.graph.initializer:
        if tensor.external_data:
            load_external_data_for_tensor(tensor, str(path.parent))
            tensor.data_location = onnx.TensorProto.DEFAULT
            del tensor.external_data[:]
    constants = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    weights, nodes = {}, []
    for node in model.graph.node:
        if node.op_type == DEQUANTISE:
            weights[node.output[0]] = _multiplied_out(node, constants)
        else:
            nodes.append(node)
    used = {name for node in nodes for name in node.input}
    kept = [t for t in model.graph.initializer if t.name in used]
    del model.graph.node[:], model.graph.initializer[:]
    model.graph.node.extend(nodes)
    model.graph.initializer.extend([*kept, *(numpy_helper.from_array(a, n) for n, a in weights.items())])
    onnx.checker.check_model(model)
    return model


def _multiplied_out(node: onnx.NodeProto, constants: dict[str, NDArray[np.generic]]) -> NDArray[np.float32]:
    """Return int8 * scale, one scale for each index of axis 0."""
    axis = next((a.i for a in node.attribute if a.name == "axis"), 1)
    unknown = [name for name in node.input if name not in constants]
    if unknown or len(node.input) != 2 or axis != 0:
        raise WeightsUnusable(
            f"{node.name}: expected DequantizeLinear of a constant with one scale for each output channel, came "
            f"axis {axis}, inputs {list(node.input)}; export the graphs by model_pipeline.export.graphs"
        )
    q, scale = (constants[name] for name in node.input)
    return q.astype(np.float32) * scale.astype(np.float32).reshape(-1, *([1] * (q.ndim - 1)))

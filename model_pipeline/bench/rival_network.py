"""A load as heavy as Wav2Lip's network, to set our frame rate against: its size, not its weights.

Wav2Lip (Prajwal et al., ACM Multimedia 2020) repaints a 96x96 face with 36 million parameters and 3.97 thousand
million multiplications a frame. This is a convolutional network of our own with random weights that counts the same.
"""

import math
import time
from dataclasses import dataclass

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

SIDE, CHANNELS_IN, CHANNELS_OUT = 96, 6, 3
WIDTHS_DOWN = (16, 32, 64, 128, 256, 512)
"""Channels at 96, 48 ... 3 pixels on the way down, two convolutions each."""

WIDTHS_UP = (512, 544, 384, 256, 128, 51)
"""Channels on the way up again, the other way's picture beside them."""

MIDDLE = 8
"""Convolutions at 3 pixels."""

KERNEL = 3
WARM_UP_RUNS, TIMED_RUNS = 3, 40


@dataclass(frozen=True)
class Size:
    """What a graph weighs, counted from the graph."""

    parameters: int
    macs: int
    """Multiplications and additions of one frame."""


class Drawing:
    """Grows a graph convolution by convolution."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self._dice = np.random.default_rng(0)

    def convolve(self, name: str, before: int, after: int, *, stride: int = 1, active: bool = True) -> str:
        """Add a 3x3 convolution, rectified if ``active``; return its output's name."""
        number = len(self.weights)
        spread = math.sqrt(2.0 / (before * KERNEL**2))
        kernel = self._dice.normal(0, spread, (after, before, KERNEL, KERNEL)).astype(np.float32)
        for kind, values in (("w", kernel), ("b", np.zeros(after, dtype=np.float32))):
            self.weights.append(numpy_helper.from_array(values, f"{kind}{number}"))
        out = f"c{number}"
        self._add("Conv", [name, f"w{number}", f"b{number}"], out, strides=[stride] * 2, pads=[1] * 4)
        return self._add("Relu", [out], f"r{number}") if active else out

    def join(self, small: str, beside: str) -> str:
        """Add an enlargement to twice the size and the picture of the way down beside it."""
        if not any(weight.name == "twice" for weight in self.weights):
            self.weights.append(numpy_helper.from_array(np.array([1, 1, 2, 2], dtype=np.float32), "twice"))
        large = self._add("Resize", [small, "", "twice"], f"{small}_large", mode="nearest")
        return self._add("Concat", [large, beside], f"{small}_joined", axis=1)

    def _add(self, kind: str, inputs: list[str], output: str, **attributes: object) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output


def build() -> onnx.ModelProto:
    """Return the network: [1,6,96,96] -> [1,3,96,96], fp32."""
    drawing = Drawing()
    name, channels = "face", CHANNELS_IN
    beside: list[tuple[str, int]] = []
    for stage, width in enumerate(WIDTHS_DOWN):
        name = drawing.convolve(name, channels, width, stride=1 if stage == 0 else 2)
        name = drawing.convolve(name, width, width)
        channels = width
        beside.append((name, width))
    for _ in range(MIDDLE):
        name = drawing.convolve(name, channels, WIDTHS_UP[0])
        channels = WIDTHS_UP[0]
    for (skip, skip_width), width in zip(reversed(beside[:-1]), WIDTHS_UP[1:], strict=True):
        name = drawing.convolve(drawing.join(name, skip), channels + skip_width, width)
        name = drawing.convolve(name, width, width)
        channels = width
    name = drawing.convolve(name, channels, CHANNELS_OUT, active=False)
    picture = ([1, side, SIDE, SIDE] for side in (CHANNELS_IN, CHANNELS_OUT))
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, next(picture)) for n in ("face", name)]
    graph = helper.make_graph(drawing.nodes, "rival", ends[:1], ends[1:], drawing.weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    return model


def measure_size(model: onnx.ModelProto) -> Size:
    """Count parameters and multiplications of a graph of convolutions of fixed shapes."""
    graph = onnx.shape_inference.infer_shapes(model).graph
    shapes = {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim] for v in (*graph.value_info, *graph.output)}
    weights = {weight.name: list(weight.dims) for weight in graph.initializer}
    convolutions = [node for node in graph.node if node.op_type == "Conv"]
    parameters = sum(math.prod(weights[name]) for node in convolutions for name in node.input[1:])
    macs = sum(math.prod(weights[node.input[1]]) * math.prod(shapes[node.output[0]][2:]) for node in convolutions)
    return Size(parameters, macs)


class Rival:
    """The network in onnxruntime on so many threads; it is loaded when it is first asked to run."""

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self.size = Size(0, 0)
        self._session: ort.InferenceSession | None = None
        face = np.random.default_rng(1).normal(size=(1, CHANNELS_IN, SIDE, SIDE)).astype(np.float32)
        self._inputs = {"face": face}

    def _loaded(self) -> ort.InferenceSession:
        if self._session is not None:
            return self._session
        model = build()
        self.size = measure_size(model)
        options = ort.SessionOptions()
        options.intra_op_num_threads = self.threads
        self._session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        for _ in range(WARM_UP_RUNS):
            self._session.run(None, self._inputs)
        return self._session

    def fps(self) -> float:
        """Return how many frames a second it computes."""
        session = self._loaded()
        begin = time.perf_counter()
        for _ in range(TIMED_RUNS):
            session.run(None, self._inputs)
        return TIMED_RUNS / (time.perf_counter() - begin)

"""ONNX graphs of docs/protocol.md ("Graphs"): torch modules exported, their weights turned into pointers.

Every parameter of a graph becomes ONNX external data at its tensor's place in ``weights.safetensors``; an INT8 weight
goes through DequantizeLinear. So onnxruntime reads merged weights without a line of ours.
"""

import json
import logging
import struct
import warnings
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from device_agent.engine.canonical import MAP_SIZE
from device_agent.engine.features import MEL_PER_FRAME, MELS
from device_agent.engine.package import REPAIR_GRAPH, TONGUE_GRAPH
from device_agent.engine.warp.repair import CELLS_HIGH, CELLS_WIDE
from frame_protocol.model_package import WEIGHTS
from model_pipeline.errors import WeightsUnusable
from model_pipeline.models.config import MAP_CHANNELS, PROMPT_TOKENS, REST_FIELDS, ModelConfig
from model_pipeline.models.nano import Nano
from model_pipeline.models.repair import CHANGED, SEEN
from model_pipeline.models.spacetime import Cache, Prompt

OPSET = 18
PRODUCER = "liveframe"
INLINE_ELEMENTS = 4096
"""Constants up to this size that are no parameters (masks, axes, shapes) stay inside the graph."""


class AudioGraph(nn.Module):
    """mel -> audio tokens."""

    def __init__(self, model: Nano) -> None:
        super().__init__()
        self.model = model

    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        """[1,80,1,4*W] -> [1,D,1,chunk]."""
        return self.model.audio(mel)


class PromptGraph(nn.Module):
    """Photo and rest shape -> prompt keys and values."""

    def __init__(self, model: Nano) -> None:
        super().__init__()
        self.model = model

    def forward(self, photo: torch.Tensor, rest: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """[1,3,256,256], [1,4,1,1] -> [L*H,dh,1,256] twice."""
        prompt = self.model.photo_prompt(photo, rest)
        config = self.model.config
        shape = (config.layers * config.heads, config.head_dim, 1, PROMPT_TOKENS)
        return torch.cat(prompt.k, dim=1).reshape(shape), torch.cat(prompt.v, dim=1).reshape(shape)


class StepGraph(nn.Module):
    """One frame of the spatio-temporal transformer."""

    def __init__(self, model: Nano) -> None:
        super().__init__()
        self.model = model

    def forward(  # noqa: PLR0917
        self, audio: torch.Tensor, feedback: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor,
        prompt_k: torch.Tensor, prompt_v: torch.Tensor, cache_k: torch.Tensor, cache_v: torch.Tensor,
        mask: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:  # fmt: skip
        """Shapes in docs/protocol.md."""
        config = self.model.config
        shape = (config.layers, 1, config.heads, config.head_dim, PROMPT_TOKENS)
        keys, values = prompt_k.reshape(shape), prompt_v.reshape(shape)
        layers = range(config.layers)
        prompt = Prompt([keys[i] for i in layers], [values[i] for i in layers], 0.0)
        return self.model.spacetime.step(audio, feedback, cos, sin, prompt, Cache(cache_k, cache_v, mask))


class DecoderGraph(nn.Module):
    """Codes -> map."""

    def __init__(self, model: Nano) -> None:
        super().__init__()
        self.model = model

    def forward(self, codes: torch.Tensor) -> torch.Tensor:
        """[1,K,1,T] -> [1,4,64,64]."""
        return self.model.decoder(codes)


class TongueGraph(nn.Module):
    """mel -> height of the tongue's tip."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.tongue = net

    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        """[1,80,1,4*W] -> [1,1,1,chunk]."""
        height: torch.Tensor = self.tongue(mel)
        return height


class RepairGraph(nn.Module):
    """The drawn mouth -> its change."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.repair = net

    def forward(self, mouth: torch.Tensor) -> torch.Tensor:
        """[1,4,48,64] -> [1,3,48,64]."""
        changed: torch.Tensor = self.repair(mouth)
        return changed


def graph_inputs(config: ModelConfig) -> dict[str, dict[str, tuple[int, ...]]]:
    """Return graph -> input -> shape."""
    own, slots = config.slot, config.context_frames * config.slot
    heads = config.layers * config.heads
    past, prompt = (heads, config.head_dim, 1, slots), (heads, config.head_dim, 1, PROMPT_TOKENS)
    table = (1, config.head_dim, 1, own)
    columns = MEL_PER_FRAME * (config.audio_left + config.audio_chunk + config.audio_right)
    codes = (1, config.code_dim, 1, config.tokens_per_frame)
    return {
        "audio": {"mel": (1, MELS, 1, columns)},
        "prompt": {"photo": (1, 3, 256, 256), "rest": (1, REST_FIELDS, 1, 1)},
        "step": {
            "audio": (1, config.width, 1, 1), "feedback": codes, "cos": table, "sin": table,
            "prompt_k": prompt, "prompt_v": prompt, "cache_k": past, "cache_v": past, "mask": (1, 1, 1, slots),
        },
        "decoder": {"codes": codes},
        TONGUE_GRAPH: {"mel": (1, MELS, 1, columns)},
        REPAIR_GRAPH: {"mouth": (1, SEEN, CELLS_HIGH, CELLS_WIDE)},
    }  # fmt: skip


OUTPUTS = {
    "audio": ["audio"],
    "prompt": ["prompt_k", "prompt_v"],
    "step": ["logits", "new_k", "new_v"],
    "decoder": ["map"],
    TONGUE_GRAPH: ["tongue"],
    REPAIR_GRAPH: ["change"],
}
MODULES = {"audio": AudioGraph, "prompt": PromptGraph, "step": StepGraph, "decoder": DecoderGraph}
"""The graphs of the model."""
BESIDE = {TONGUE_GRAPH: TongueGraph, REPAIR_GRAPH: RepairGraph}
"""Those of networks beside it, which a package may be without."""


def output_shapes(config: ModelConfig) -> dict[str, tuple[int, ...]]:
    """Return the shape of every graph output."""
    heads = config.layers * config.heads
    return {
        "audio": (1, config.width, 1, config.audio_chunk),
        "prompt_k": (heads, config.head_dim, 1, PROMPT_TOKENS),
        "prompt_v": (heads, config.head_dim, 1, PROMPT_TOKENS),
        "logits": (1, config.codebook_size, 1, config.tokens_per_frame),
        "new_k": (heads, config.head_dim, 1, config.slot),
        "new_v": (heads, config.head_dim, 1, config.slot),
        "map": (1, len(MAP_CHANNELS), MAP_SIZE, MAP_SIZE),
        "tongue": (1, 1, 1, config.audio_chunk),
        "change": (1, CHANGED, CELLS_HIGH, CELLS_WIDE),
    }


def export_graphs(model: Nano, weights: Path) -> None:
    """Write audio, prompt, step and decoder.onnx beside ``weights``, pointing into it."""
    for name, module in MODULES.items():
        _export(name, module(model), model.config, weights)


def export_beside(graph: str, net: nn.Module, config: ModelConfig, weights: Path) -> None:
    """Write the graph of a network of ``parts`` beside ``weights``, pointing into it."""
    _export(graph, BESIDE[graph](net), config, weights)


def _export(name: str, module: nn.Module, config: ModelConfig, weights: Path) -> None:
    graph = _trace(module.eval(), graph_inputs(config)[name], OUTPUTS[name])
    _point(graph, tensor_places(weights))
    _name_sizes(graph, config)
    (weights.parent / f"{name}.onnx").write_bytes(graph.SerializeToString(deterministic=True))


def _trace(module: nn.Module, inputs: dict[str, tuple[int, ...]], outputs: list[str]) -> onnx.ModelProto:
    """Export one module, parameters kept by name."""
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            module,
            tuple(torch.zeros(shape) for shape in inputs.values()),
            input_names=list(inputs),
            output_names=outputs,
            opset_version=OPSET,
            dynamo=True,
            optimize=False,
            verbose=False,
        )
    if program is None:
        raise WeightsUnusable("torch.onnx.export returned nothing; expected an ONNX program")
    return program.model_proto


def tensor_places(weights: Path) -> dict[str, tuple[str, tuple[int, ...], int, int]]:
    """Return name -> (dtype, shape, offset in the file, length) of a safetensors file."""
    with weights.open("rb") as file:
        (size,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(size))
    places = {}
    for name, entry in header.items():
        if name != "__metadata__":
            start, end = entry["data_offsets"]
            places[name] = (entry["dtype"], tuple(entry["shape"]), 8 + size + start, end - start)
    return places


def _point(model: onnx.ModelProto, places: dict[str, tuple[str, tuple[int, ...], int, int]]) -> None:
    """Replace the parameters of a graph by external data in the weights file."""
    graph = model.graph
    kept, fresh, nodes = [], [], []
    for tensor in graph.initializer:
        name = tensor.name.removeprefix("model.")
        if f"{name}.q" in places:
            fresh += [_external(f"{name}.q", places), _external(f"{name}.scale", places)]
            nodes.append(
                helper.make_node(
                    "DequantizeLinear", [f"{name}.q", f"{name}.scale"], [tensor.name], axis=0, name=f"{name}.dq"
                )
            )
        elif name in places:
            external = _external(name, places)
            external.name = tensor.name
            fresh.append(external)
        else:
            _check_inline(tensor)
            kept.append(tensor)
    used = {name for node in graph.node for name in node.input}
    body = list(graph.node)
    del graph.initializer[:], graph.node[:]
    graph.initializer.extend(t for t in kept if t.name in used)
    graph.initializer.extend(fresh)
    graph.node.extend([*nodes, *body])
    del graph.value_info[:], model.metadata_props[:], graph.metadata_props[:]
    for node in graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    model.producer_name, model.producer_version = PRODUCER, ""


def _check_inline(tensor: TensorProto) -> None:
    """Refuse a float initialiser that the weights file does not know: a merge would never reach it."""
    array = numpy_helper.to_array(tensor)
    if array.dtype == np.float32 and array.size > INLINE_ELEMENTS:
        raise WeightsUnusable(
            f"graph constant {tensor.name} {array.shape} is not in {WEIGHTS}; name it as a parameter"
        )


def _external(name: str, places: dict[str, tuple[str, tuple[int, ...], int, int]]) -> TensorProto:
    """Return an initialiser whose bytes are those of tensor ``name`` in the weights file."""
    dtype, shape, offset, length = places[name]
    tensor = TensorProto()
    tensor.name = name
    tensor.data_type = {"I8": TensorProto.INT8, "F32": TensorProto.FLOAT}[dtype]
    tensor.dims.extend(shape)
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (("location", WEIGHTS), ("offset", str(offset)), ("length", str(length))):
        tensor.external_data.add(key=key, value=value)
    return tensor


def _name_sizes(model: onnx.ModelProto, config: ModelConfig) -> None:
    """Check that the outputs have the shapes that the protocol promises."""
    expected = output_shapes(config)
    for value in model.graph.output:
        came = tuple(dim.dim_value for dim in value.type.tensor_type.shape.dim)
        if came != expected[value.name]:
            raise WeightsUnusable(f"graph output {value.name}: expected {expected[value.name]}, came {came}")

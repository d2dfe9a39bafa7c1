"""INT8 weights: symmetric, one scale for each output channel. Used by the export and by the deltas.

Every weight with two or more axes is stored as ``NAME.q`` (int8, axis 0 = output channel) and ``NAME.scale``
(float32); the rest (biases, gains) stays float32.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from device_agent.engine import canonical
from device_agent.engine.package import OPTIONAL_GRAPHS
from frame_protocol.model_package import weights_hash
from model_pipeline.errors import WeightsUnusable
from model_pipeline.models.config import CONFIGS, ModelConfig
from model_pipeline.models.nano import Nano

LEVELS = 127
Array = NDArray[np.generic]
LABORATORY = "lab."
"""Tensors of a weights file that only the laboratory needs (encoder, motion components); packages leave them out."""
_LAB_ONLY = ("encoder.", "components", "maps", "vit.shape_head.")
_CONSTANTS = {"codebook.vectors": "codebook", "points": "canonical.points", "opening_map": "canonical.opening_map"}
_TRAINING_ONLY = ("codebook.members", "codebook.sums")
_FLOAT = ("vit.position", "spacetime.place", ".distance", "vit.null", ".gain", ".bias")


def quantise(weight: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Return int8 values and the scale of each output channel (axis 0)."""
    peak = np.abs(weight.reshape(weight.shape[0], -1)).max(axis=1)
    scale = (np.maximum(peak, 1e-8) / LEVELS).astype(np.float32)
    spread = scale.reshape(-1, *([1] * (weight.ndim - 1)))
    return np.clip(np.rint(weight / spread), -LEVELS, LEVELS).astype(np.int8), scale


def dequantise(q: NDArray[np.int8], scale: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return what the graphs compute with."""
    return q.astype(np.float32) * scale.reshape(-1, *([1] * (q.ndim - 1)))


def is_of(graph: str, name: str) -> bool:
    """Say whether a tensor belongs to the network of an optional graph."""
    return name.startswith(f"{graph}.")


def is_quantised(name: str, axes: int) -> bool:
    """Say whether a parameter is stored as int8."""
    return axes >= 2 and name.endswith(".weight") and not name.startswith(_LAB_ONLY) and not name.endswith(_FLOAT)


def tensors_of(model: Nano) -> dict[str, Array]:
    """Return every tensor of the weights file, by name."""
    tensors: dict[str, Array] = {"canonical.extent": np.array(canonical.EXTENT_MM, dtype=np.float32)}
    for name, value in model.state_dict().items():
        array = value.detach().cpu().numpy().astype(np.float32)
        if name in _TRAINING_ONLY:
            continue
        if name in _CONSTANTS:
            tensors[_CONSTANTS[name]] = array
        elif name.startswith(_LAB_ONLY):
            tensors[LABORATORY + name] = array
        elif is_quantised(name, array.ndim):
            tensors[f"{name}.q"], tensors[f"{name}.scale"] = quantise(array)
        else:
            tensors[name] = array
    return tensors


def model_of(tensors: Mapping[str, Array], config: ModelConfig) -> Nano:
    """Return the torch model of a weights file, its weights dequantised.

    Laboratory tensors may be absent; those of the networks beside the model are theirs (parts.py).
    """
    model = Nano(config)
    names = {new: old for old, new in _CONSTANTS.items()}
    state = {}
    for name, array in tensors.items():
        if any(is_of(graph, name) for graph in OPTIONAL_GRAPHS):
            continue
        if name.endswith(".q"):
            base = name.removesuffix(".q")
            state[base] = dequantise(array.astype(np.int8), np.asarray(tensors[f"{base}.scale"], dtype=np.float32))
        elif not name.endswith(".scale") and name != "canonical.extent":
            state[names.get(name, name.removeprefix(LABORATORY))] = np.asarray(array, dtype=np.float32)
    own = model.state_dict()
    absent = [n for n in own if n not in state and not n.startswith(_LAB_ONLY) and n not in _TRAINING_ONLY]
    wrong = [n for n, a in state.items() if n not in own or tuple(own[n].shape) != a.shape]
    if absent or wrong:
        raise WeightsUnusable(
            f"the weights do not fit a {config.family} model: missing {absent[:4]}, unknown or of another shape "
            f"{wrong[:4]}; use weights made by this version (make train-nano)"
        )
    model.load_state_dict({n: torch.from_numpy(np.ascontiguousarray(a)) for n, a in state.items()}, strict=False)
    return model


def load_model(weights: Path, config: ModelConfig | None = None) -> Nano:
    """Load a weights file (a package's ``weights.safetensors`` or the repository's) as a torch model."""
    if not weights.is_file():
        raise WeightsUnusable(f"{weights} is missing; train weights with: make train-nano")
    return model_of(load_file(weights), config or CONFIGS["nano"])


def integer_hash(tensors: Mapping[str, Array]) -> str:
    """Return the hash of all int8 tensors, as manifests name it."""
    return weights_hash(
        (n, a.shape, np.ascontiguousarray(a).tobytes()) for n, a in tensors.items() if n.endswith(".q")
    )


def save(model: Nano, path: Path) -> None:
    """Write the weights file of a model: INT8 weights, constants, and the laboratory's own tensors."""
    part = path.with_name(path.name + ".part")
    save_file({name: np.ascontiguousarray(array) for name, array in tensors_of(model).items()}, part)
    part.replace(path)

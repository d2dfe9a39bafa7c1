"""The repair network as tensors of a weights file, and back; they join a package beside the model's own."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from frame_protocol.model_package import WEIGHTS
from model_pipeline.errors import WeightsUnusable
from model_pipeline.export.int8 import REPAIR, dequantise, quantise
from model_pipeline.models.repair import RepairNet

Tensors = Mapping[str, NDArray[np.generic]]


def tensors_of(net: RepairNet) -> dict[str, NDArray[np.generic]]:
    """Return the tensors of a network: INT8 weights, one scale for each output channel, float32 biases."""
    tensors: dict[str, NDArray[np.generic]] = {}
    for name, value in net.state_dict().items():
        array = value.detach().cpu().numpy().astype(np.float32)
        if name.endswith(".weight"):
            tensors[f"{REPAIR}{name}.q"], tensors[f"{REPAIR}{name}.scale"] = quantise(array)
        else:
            tensors[REPAIR + name] = array
    return tensors


def net_of(tensors: Tensors) -> RepairNet | None:
    """Return the network whose tensors are among ``tensors``; None where there is none."""
    own = {name.removeprefix(REPAIR): array for name, array in tensors.items() if name.startswith(REPAIR)}
    if not own:
        return None
    state = {}
    for name, array in own.items():
        if name.endswith(".q"):
            base = name.removesuffix(".q")
            value = dequantise(array.astype(np.int8), np.asarray(own[f"{base}.scale"], dtype=np.float32))
            state[base] = torch.from_numpy(value)
        elif not name.endswith(".scale"):
            state[name] = torch.from_numpy(np.array(array, dtype=np.float32))
    net = RepairNet()
    try:
        net.load_state_dict(state)
    except RuntimeError as error:
        raise WeightsUnusable(
            f"the repair weights do not fit this version's network ({error}); make them with: "
            "model-pipeline train-repair"
        ) from error
    return net.eval()


def save(net: RepairNet, path: Path) -> None:
    """Write the weights file of a network."""
    part = path.with_name(path.name + ".part")
    save_file({name: np.ascontiguousarray(array) for name, array in tensors_of(net).items()}, part)
    part.replace(path)


def load(folder: Path) -> dict[str, NDArray[np.generic]]:
    """Return the tensors of a folder's weights file."""
    path = folder / WEIGHTS
    if not path.is_file():
        raise WeightsUnusable(f"{path} is missing; make it with: model-pipeline train-repair --out {folder}")
    return {name: array for name, array in load_file(path).items() if name.startswith(REPAIR)}

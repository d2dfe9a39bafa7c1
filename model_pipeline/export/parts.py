"""Networks that join a package beside the model: as tensors of a weights file of their own, and back.

Each can be trained again without the other, and without the model.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file
from torch import nn

from device_agent.engine.package import REPAIR_GRAPH, TONGUE_GRAPH
from frame_protocol.model_package import WEIGHTS
from model_pipeline.errors import WeightsUnusable
from model_pipeline.export.int8 import dequantise, is_of, quantise
from model_pipeline.models.config import NANO, ModelConfig
from model_pipeline.models.repair import RepairNet
from model_pipeline.models.tongue import TongueNet

Tensors = Mapping[str, NDArray[np.generic]]
Net = TypeVar("Net", bound=nn.Module)


@dataclass(frozen=True)
class Part(Generic[Net]):
    """One such network: INT8 weights, one scale for each output channel, float32 biases."""

    graph: str
    """Name of its graph; its tensors begin with it and a dot."""
    build: Callable[[ModelConfig], Net]
    """The untrained network beside a model of these sizes."""
    made_by: str
    """The command that trains it."""

    @property
    def folder(self) -> Path:
        """Where the repository's weights of it lie."""
        return Path(__file__).resolve().parents[1] / "weights" / self.graph

    def tensors_of(self, net: Net) -> dict[str, NDArray[np.generic]]:
        """Return the tensors of a network."""
        tensors: dict[str, NDArray[np.generic]] = {}
        for name, value in net.state_dict().items():
            array, full = value.detach().cpu().numpy().astype(np.float32), f"{self.graph}.{name}"
            if name.endswith(".weight"):
                tensors[f"{full}.q"], tensors[f"{full}.scale"] = quantise(array)
            else:
                tensors[full] = array
        return tensors

    def net_of(self, tensors: Tensors, config: ModelConfig = NANO) -> Net | None:
        """Return the network whose tensors are among ``tensors``; None where there is none."""
        own = {name.removeprefix(f"{self.graph}."): array for name, array in self._own(tensors).items()}
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
        net = self.build(config)
        try:
            net.load_state_dict(state)
        except RuntimeError as error:
            raise WeightsUnusable(
                f"the {self.graph} weights do not fit this version's network ({error}); make them with: "
                f"model-pipeline {self.made_by}"
            ) from error
        return net.eval()

    def save(self, net: Net, path: Path) -> None:
        """Write the weights file of a network."""
        part = path.with_name(path.name + ".part")
        save_file({name: np.ascontiguousarray(array) for name, array in self.tensors_of(net).items()}, part)
        part.replace(path)

    def load(self, folder: Path) -> dict[str, NDArray[np.generic]]:
        """Return the tensors of a folder's weights file."""
        path = folder / WEIGHTS
        if not path.is_file():
            raise WeightsUnusable(f"{path} is missing; make it with: model-pipeline {self.made_by} --out {folder}")
        return self._own(load_file(path))

    def _own(self, tensors: Tensors) -> dict[str, NDArray[np.generic]]:
        return {name: array for name, array in tensors.items() if is_of(self.graph, name)}


TONGUE = Part(TONGUE_GRAPH, TongueNet, "train-tongue")
REPAIR = Part(REPAIR_GRAPH, lambda _: RepairNet(), "train-repair")

"""Packages made once: of the weights that ship, and tiny ones of untrained weights; one thread for torch."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch

from device_agent.engine import archive
from frame_protocol.model_package import ModelManifest
from model_pipeline.export import int8
from model_pipeline.export.package import WEIGHTS_DIR, build_directory, package_weights
from model_pipeline.export.parts import REPAIR, TONGUE
from model_pipeline.models.config import TINY
from model_pipeline.models.nano import Nano
from model_pipeline.models.repair import RepairNet
from model_pipeline.models.tongue import TongueNet


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Small networks gain nothing from a second thread, and lose minutes where the cores are busy.

    Commands set their own number for the whole process: it is set back before each test and its fixtures.
    """
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked folder."""
    folder = tmp_path_factory.mktemp("shipped")
    package_weights(WEIGHTS_DIR, folder / "nano.lfm")
    archive.extract(folder / "nano.lfm", folder / "model", ModelManifest)
    return folder / "model"


class Built(NamedTuple):
    """An unpacked package that nobody may change, its manifest, and the tensors that it was made of."""

    folder: Path
    manifest: ModelManifest
    tensors: Mapping[str, Any]


@pytest.fixture(scope="session")
def tiny_package(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """A package of untrained weights: exporting its graphs takes seconds."""
    torch.manual_seed(0)
    tensors = int8.tensors_of(Nano(TINY))
    folder = tmp_path_factory.mktemp("tiny") / "package"
    return Built(folder, build_directory(tensors, "card", folder, TINY), tensors)


@pytest.fixture(scope="session")
def tiny_full_package(tiny_package: Built, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The same model with a tongue, and with a repair network whose answer is large enough to be seen."""
    torch.manual_seed(1)
    net = RepairNet()
    with torch.no_grad():
        net.leave.weight.mul_(20)
    tensors = {**tiny_package.tensors, **REPAIR.tensors_of(net), **TONGUE.tensors_of(TongueNet(TINY))}
    folder = tmp_path_factory.mktemp("repairing") / "package"
    return Built(folder, build_directory(tensors, "card", folder, TINY), tensors)

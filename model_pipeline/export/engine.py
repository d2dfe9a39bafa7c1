"""The engine of a frame over weights of the laboratory: packed, unpacked and loaded as a frame does it."""

from pathlib import Path

from device_agent.engine import archive, package
from device_agent.engine.loaded import Engine
from frame_protocol.model_package import ModelManifest
from model_pipeline.export.package import WEIGHTS_DIR, package_weights


def packed_engine(weights: Path | None, folder: Path) -> Engine:
    """Pack the weights of a folder (None: the ones that ship) into ``folder`` and load the package."""
    package_weights(weights or WEIGHTS_DIR, folder / "model.lfm")
    archive.extract(folder / "model.lfm", folder / "model", ModelManifest)
    return Engine(package.load(folder / "model"))

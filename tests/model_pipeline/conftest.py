"""The package of the weights that ship, made once."""

from pathlib import Path

import pytest

from device_agent.engine import archive
from frame_protocol.model_package import ModelManifest
from model_pipeline.export.package import WEIGHTS_DIR, package_weights


@pytest.fixture(scope="session")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked folder."""
    folder = tmp_path_factory.mktemp("shipped")
    package_weights(WEIGHTS_DIR, folder / "nano.lfm")
    archive.extract(folder / "nano.lfm", folder / "model", ModelManifest)
    return folder / "model"

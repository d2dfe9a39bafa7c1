"""The package of the weights that ship, made once; one thread for torch."""

from pathlib import Path

import pytest
import torch

from device_agent.engine import archive
from frame_protocol.model_package import ModelManifest
from model_pipeline.export.package import WEIGHTS_DIR, package_weights


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

"""States of the world for fixes: a tiny base package with untrained weights, and a complaint about its clip."""

import shutil
from pathlib import Path

import matplotlib.cbook
import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from device_agent.engine import canonical, package
from device_agent.engine.loaded import Engine
from device_agent.engine.photo.detector import FaceDetector
from device_agent.engine.photo.load import load_photo
from device_agent.engine.photo.mesh import MeshFinder
from device_agent.engine.render import Options, render
from frame_protocol.model_package import WEIGHTS
from model_pipeline.data import third_party
from model_pipeline.data.basis import COEFFICIENTS, MotionBasis
from model_pipeline.export.int8 import tensors_of
from model_pipeline.export.package import build_directory
from model_pipeline.models.config import TINY
from model_pipeline.models.nano import Nano
from tests.support import toy_model

LIBRIVOX = Path("/usr/share/pocketsphinx/test/data/librivox")
VOICE = LIBRIVOX / "sense_and_sensibility_01_austen_64kb-0880.wav"
WORDS = "he was not an ill disposed young man"


@pytest.fixture(scope="session")
def hopper():
    """The US Navy portrait of Grace Hopper: public domain."""
    return Path(matplotlib.cbook.get_sample_data("grace_hopper.jpg", asfileobj=False))


@pytest.fixture(scope="session")
def tiny_weights(hopper, tmp_path_factory):
    """A weights file with laboratory tensors: untrained, its first coefficient opens and its second widens."""
    model = Nano(TINY)
    torch.manual_seed(5)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    model.set_basis(_basis(_face(hopper)))
    path = tmp_path_factory.mktemp("weights") / WEIGHTS
    save_file({name: np.ascontiguousarray(array) for name, array in tensors_of(model).items()}, path)
    return path


@pytest.fixture(scope="session")
def tiny_base(tiny_weights, tmp_path_factory):
    """The unpacked package of those weights."""
    folder = tmp_path_factory.mktemp("base") / "model"
    build_directory(load_file(tiny_weights), "Untrained weights, for tests.\n", folder, TINY)
    return folder


@pytest.fixture(scope="session")
def case(tiny_base, hopper, tmp_path_factory):
    """The folder of a complaint: the clip that the base made, and its voice."""
    folder = tmp_path_factory.mktemp("case")
    shutil.copyfile(VOICE, folder / "voice.wav")
    engine = Engine(package.load(tiny_base))
    render(engine, hopper, VOICE, folder / "clip.mp4", options=Options(width=640, height=360, seconds=4.0))
    return folder


def _face(photo):
    files = third_party.model_files()
    detector = FaceDetector(files["faces/detector.tflite"], files["faces/detector_full.tflite"])
    picture = load_photo(photo)
    landmarks = MeshFinder(files["faces/mesh.tflite"], files["faces/iris.tflite"]).find(
        picture, detector.find(picture)[0]
    )
    return canonical.to_mm(landmarks).apply(landmarks).astype(np.float32)


def _basis(points):
    opening = toy_model.opening_map(points)
    maps = np.zeros((COEFFICIENTS, *opening.shape), np.float32)
    maps[0] = opening * 10
    maps[1, 0::2] = np.broadcast_to(canonical.grid_mm()[0] / 10, (2, 64, 64))
    components = np.zeros((COEFFICIENTS, 478, 2), np.float32)
    components[1, canonical.LEFT_CORNER, 0], components[1, canonical.RIGHT_CORNER, 0] = 2.5, -2.5
    return MotionBasis(points, components.reshape(COEFFICIENTS, -1), maps, opening)

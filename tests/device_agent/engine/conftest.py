"""States of the world for the engine: a package with toy graphs and real face models, a photo, a voice."""

import json
import shutil
from pathlib import Path

import matplotlib.cbook
import numpy as np
import pytest

from device_agent.engine import canonical, package
from device_agent.engine.loaded import Engine
from device_agent.engine.photo.detector import FaceDetector
from device_agent.engine.photo.load import load_photo
from device_agent.engine.photo.mesh import MeshFinder
from device_agent.engine.photo.portrait import Portrait
from device_agent.engine.selftest import perform_reference
from model_pipeline.data import third_party
from tests.support import toy_model

LIBRIVOX = Path("/usr/share/pocketsphinx/test/data/librivox")


@pytest.fixture(scope="session")
def face_models() -> Path:
    """The folder that holds ``faces/`` and ``vad.onnx``."""
    return third_party.model_files()["vad.onnx"].parent


@pytest.fixture(scope="session")
def hopper() -> Path:
    """The US Navy portrait of Grace Hopper: public domain, closed mouth, glasses."""
    return Path(matplotlib.cbook.get_sample_data("grace_hopper.jpg", asfileobj=False))


@pytest.fixture(scope="session")
def speech() -> Path:
    """About three seconds of read speech (LibriVox, public domain)."""
    return LIBRIVOX / "sense_and_sensibility_01_austen_64kb-0880.wav"


@pytest.fixture(scope="session")
def toy_package(face_models: Path, hopper: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An unpacked package whose graphs open the mouth with loudness; its canonical face is that of the portrait."""
    detector = FaceDetector(face_models / "faces/detector.tflite", face_models / "faces/detector_full.tflite")
    mesh = MeshFinder(face_models / "faces/mesh.tflite", face_models / "faces/iris.tflite")
    photo = load_photo(hopper)
    landmarks = mesh.find(photo, detector.find(photo)[0])
    points = canonical.to_mm(landmarks).apply(landmarks).astype(np.float32)
    directory = toy_model.build(tmp_path_factory.mktemp("toy") / "model", face_models, points)
    shutil.copyfile(hopper, directory / "reference" / "photo.png")
    weights = package.integer_weights_hash(directory / "weights.safetensors")
    toy_model.write_manifest(directory, weights)
    tokens, opening = perform_reference(Engine(package.load(directory)), directory / "reference" / "voice.wav")
    toy_model.write_manifest(directory, weights, tokens=tokens, opening=opening)
    return directory


@pytest.fixture(scope="session")
def engine(toy_package: Path) -> Engine:
    """The toy model, loaded."""
    return Engine(package.load(toy_package))


@pytest.fixture(scope="session")
def portrait(engine: Engine, hopper: Path) -> Portrait:
    """The portrait in a frame of 1280x720."""
    return engine.reader.read(load_photo(hopper), 1280, 720)


@pytest.fixture
def own_package(toy_package: Path, tmp_path: Path) -> Path:
    """A copy of the toy package that a test may spoil."""
    return Path(shutil.copytree(toy_package, tmp_path / "model"))


def change_manifest(directory: Path, **changes: object) -> None:
    """Rewrite fields of a package's manifest."""
    path = directory / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))

"""The ONNX graphs compute what torch computes, from the weights file itself."""

import shutil

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from safetensors.numpy import load_file, save_file

from frame_protocol.model_package import WEIGHTS
from model_pipeline.export import graphs, int8
from model_pipeline.models.config import TINY


@pytest.fixture(scope="module")
def exported(tiny_package):
    """A tiny model as weights file and graphs, and the torch model of those very weights."""
    folder = tiny_package.folder
    return folder, int8.model_of(load_file(folder / WEIGHTS), TINY).eval()


def run(path, inputs):
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(None, inputs)


@pytest.mark.parametrize("name", list(graphs.MODULES))
def test_graph_equals_torch(exported, name):
    folder, model = exported
    dice = np.random.default_rng(0)
    inputs = {n: dice.normal(size=s).astype(np.float32) for n, s in graphs.graph_inputs(TINY)[name].items()}
    with torch.no_grad():
        expected = graphs.MODULES[name](model)(*(torch.from_numpy(value) for value in inputs.values()))
    expected = expected if isinstance(expected, tuple) else (expected,)
    for came, wanted in zip(run(folder / f"{name}.onnx", inputs), expected, strict=True):
        assert np.abs(came - wanted.numpy()).max() < 1e-4


def test_external_data_is_the_tensor_of_that_name(exported):
    folder, _ = exported
    data, tensors = (folder / WEIGHTS).read_bytes(), load_file(folder / WEIGHTS)
    integers = 0
    for name in graphs.MODULES:
        for tensor in onnx.load(folder / f"{name}.onnx", load_external_data=False).graph.initializer:
            place = {entry.key: entry.value for entry in tensor.external_data}
            if not place:
                continue
            own = tensors[tensor.name.removeprefix("model.")]
            offset = int(place["offset"])
            assert place["location"] == WEIGHTS
            assert data[offset : offset + int(place["length"])] == own.tobytes()
            integers += own.dtype == np.int8
    assert integers > 20


def test_changed_integers_change_the_answer_without_a_new_graph(exported, tmp_path):
    folder, _ = exported
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    tensors = load_file(tmp_path / WEIGHTS)
    tensors["spacetime.head.weight.q"] = -tensors["spacetime.head.weight.q"]
    save_file(tensors, tmp_path / WEIGHTS)
    dice = np.random.default_rng(0)
    inputs = {n: dice.normal(size=s).astype(np.float32) for n, s in graphs.graph_inputs(TINY)["step"].items()}
    before, after = (run(place / "step.onnx", inputs)[0] for place in (folder, tmp_path))
    assert np.allclose(before, -after, atol=1e-5)

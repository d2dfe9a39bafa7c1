"""What the NPU compiler is given computes what onnxruntime computes from the package."""

import shutil

import numpy as np
import onnx
import onnxruntime
import pytest

from model_pipeline.errors import WeightsUnusable
from model_pipeline.export import graphs
from model_pipeline.models.config import TINY
from model_pipeline.npu.fold import folded
from model_pipeline.npu.plan import GRAPHS

CLOSE = 1e-5
"""Of the largest value: the order of additions may differ, nothing else."""
UNWANTED = {"DequantizeLinear", "CastLike", "Reciprocal", "Constant", "Shape", "Expand"}


@pytest.fixture(scope="module")
def exported(tiny_full_package):
    return tiny_full_package.folder


def run(model, inputs):
    return onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"]).run(None, inputs)


def test_every_graph_of_a_package_is_planned():
    assert [graph.name for graph in GRAPHS] == sorted(graphs.OUTPUTS, key=[g.name for g in GRAPHS].index)


@pytest.mark.parametrize("name", [graph.name for graph in GRAPHS])
def test_the_folded_graph_computes_the_same(exported, name):
    path, model = exported / f"{name}.onnx", folded(exported / f"{name}.onnx")
    dice = np.random.default_rng(1)
    for scale in (0.1, 1.0, 3.0):
        inputs = {
            n: (scale * dice.normal(size=s)).astype(np.float32) for n, s in graphs.graph_inputs(TINY)[name].items()
        }
        for came, expected in zip(run(model.SerializeToString(), inputs), run(str(path), inputs), strict=True):
            assert np.abs(came - expected).max() <= CLOSE * np.abs(expected).max()


@pytest.mark.parametrize("name", [graph.name for graph in GRAPHS])
def test_nothing_is_left_that_the_compiler_stumbles_over(exported, name):
    model = folded(exported / f"{name}.onnx")
    assert not UNWANTED & {node.op_type for node in model.graph.node}
    assert not any(tensor.external_data for tensor in model.graph.initializer)
    assert [(i.name, tuple(d.dim_value for d in i.type.tensor_type.shape.dim)) for i in model.graph.input] == list(
        graphs.graph_inputs(TINY)[name].items()
    )


def test_a_weight_with_its_scales_on_another_axis_is_refused(exported, tmp_path):
    shutil.copytree(exported, tmp_path, dirs_exist_ok=True)
    model = onnx.load(tmp_path / "decoder.onnx", load_external_data=False)
    node = next(n for n in model.graph.node if n.op_type == "DequantizeLinear")
    node.attribute[0].i = 1
    (tmp_path / "decoder.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(WeightsUnusable, match="one scale for each output channel"):
        folded(tmp_path / "decoder.onnx")

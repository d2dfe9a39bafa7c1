"""The real compiler and its simulator, in the environment of `make rknn`."""

import pytest

from model_pipeline.errors import ToolFailed
from model_pipeline.export.package import WEIGHTS_DIR
from model_pipeline.npu.plan import FP16, GRAPHS
from model_pipeline.npu.run import compile_all, prepare, shortfalls
from model_pipeline.npu.simulate import Job, Simulator

pytestmark = pytest.mark.long
SECONDS = 1.0


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """One second of a reading through every graph in fp16, twice, in two folders."""
    reports = []
    for name in ("one", "two"):
        material = prepare(WEIGHTS_DIR, tmp_path_factory.mktemp(name), SECONDS)
        reports.append(compile_all(material, (FP16,), lambda: None))
    return reports


def test_fp16_meets_every_demand(compiled):
    assert shortfalls(compiled[0]) == []


def test_no_graph_has_an_operation_on_the_cpu(compiled):
    counts = {
        name: graph["precisions"][FP16]["compiler_estimate"]["cpu_operations"]
        for name, graph in compiled[0]["graphs"].items()
    }
    assert counts == {graph.name: 0 for graph in GRAPHS}


def test_two_builds_give_the_same_bytes(compiled):
    digests = [{n: g["precisions"][FP16]["sha256"] for n, g in report["graphs"].items()} for report in compiled]
    assert digests[0] == digests[1]


def test_a_refusal_of_the_compiler_shows_the_end_of_its_log(tmp_path):
    (tmp_path / "no.onnx").write_bytes(b"no graph")
    job = Job(tmp_path / "no.onnx", FP16, {"x": (1,)}, {"y": (1,)}, tmp_path / "no.fp16.rknn")
    with pytest.raises(ToolFailed, match=r"cannot compile no\.fp16"):
        Simulator(job, [])

"""The compiler's tables are read, the demands are checked, and a missing compiler is named."""

import numpy as np
import pytest

from model_pipeline.cli import main
from model_pipeline.errors import DataMissing, ToolFailed
from model_pipeline.npu import measure, tables
from model_pipeline.npu.page import page
from model_pipeline.npu.record import Recorder, spread
from model_pipeline.npu.run import shortfalls
from model_pipeline.npu.simulate import compiler_python

LOG = """D RKNN: [20:00:31.600]    Network Layer Information Table
D RKNN: [20:00:31.601] 0    Conv  FLOAT16  NPU  (1,1,1,1)  (1,1,1,1)  9/9/9  9  Conv:of_an_earlier_table
D RKNN: [20:00:31.601]    Network Layer Information Table
D RKNN: [20:00:31.601] ID   OpType   DataType Target InputShape  OutputShape  Cycles(DDR/NPU/Total)  RW(KB)  FullName
D RKNN: [20:00:31.601] 0    InputOperator  FLOAT16  CPU  \\  (1,16,1,4)  0/0/0  0  InputOperator:codes
D RKNN: [20:00:31.601] 1    ConvRelu  FLOAT16  NPU  (1,16,1,4),(128,16,1,4)  (1,128,1,1)  731/512/731  16  Conv:a
D RKNN: [20:00:31.601] 2    Conv  FLOAT16  NPU  (1,32,1,5),(1,32,1,1)  (1,32,1,5)  30/16/30  0
D RKNN: [20:00:31.601] 3    Div  FLOAT  CPU  (1,1,1,1),(1,1,1,5)  (1,1,1,5)  0/0/0  4  Div:b
D RKNN: [20:00:31.601] 4    OutputOperator FLOAT16  CPU  (1,4,64,64)  \\  0/0/0  128  OutputOperator:map
D RKNN: [20:00:31.606] Total Internal Memory Size: 288.062KB
D RKNN: [20:00:31.606] Total Weight Memory Size: 585.312KB
"""


def test_the_last_table_is_counted_without_the_borders():
    figures = tables.read(LOG).figures()
    assert (figures["npu_operations"], figures["cpu_operations"], figures["cpu_operation_types"]) == (2, 1, ["Div"])
    assert (figures["ddr_cycles"], figures["npu_cycles"], figures["total_cycles"]) == (761, 528, 761)
    assert (figures["ddr_traffic_kb"], figures["operations_without_cycles"]) == (20, 1)
    assert (figures["internal_memory_kb"], figures["weight_memory_kb"]) == (288.062, 585.312)


def test_a_log_of_another_version_is_refused():
    with pytest.raises(ToolFailed, match=r"rknn-toolkit\.lock"):
        tables.read("I rknn building done.")


def report(cpu=0, cosine=0.9999, amplitude=1.0):
    figures = {
        "compiler_estimate": {"cpu_operations": cpu, "cpu_operation_types": ["Div"]},
        "simulator": {"cosine": {"logits": {"min": cosine, "mean": 1.0}}},
    }
    return {
        "graphs": {"step": {"in_loop": True, "precisions": {"fp16": figures, "w8a8": {"refused": "x"}}}},
        "token_loop": {"fp16": {"amplitude_ratio": amplitude}},
    }


def test_what_meets_the_demands_is_not_spoken_of():
    assert shortfalls(report(amplitude=0.971)) == []


@pytest.mark.parametrize(
    ("figures", "said"),
    [({"cpu": 2}, "2 operations on the CPU"), ({"cosine": 0.9989}, "cosine 0.9989"), ({"amplitude": 1.031}, "1.031")],
)
def test_each_shortfall_is_a_sentence(figures, said):
    (sentence,) = shortfalls(report(**figures))
    assert said in sentence


def test_cosine_and_curves():
    one = np.array([1.0, 2.0, 3.0], np.float32)
    assert measure.cosine(2 * one, one) == pytest.approx(1.0)
    assert measure.cosine(0 * one, 0 * one) == 1.0
    assert measure.cosine(0 * one, one) == 0.0
    figures = measure.loop_figures(np.array([0.0, 1.1, 2.2]), np.array([0.0, 1.0, 2.0]))
    assert figures["amplitude_ratio"] == pytest.approx(1.1)
    assert figures["largest_difference_mm"] == pytest.approx(0.2)


class Decoder:
    def decoder(self, codes):
        return codes * 2


def test_the_recorder_keeps_copies_of_questions_and_answers():
    recorder, codes = Recorder(Decoder()), np.ones((1, 2), np.float32)
    assert recorder.decoder(codes).sum() == 4
    codes[:] = 7
    assert recorder.asked["decoder"][0]["codes"].sum() == 2
    assert recorder.answered["decoder"][0][0].sum() == 4


def test_calibration_is_spread_from_first_to_last():
    inputs = [{"n": np.full(1, number, np.float32)} for number in range(51)]
    assert [int(chosen["n"][0]) for chosen in spread(inputs, 6)] == [0, 10, 20, 30, 40, 50]
    assert len(spread(inputs[:3], 6)) == 3


def test_a_missing_compiler_is_named_with_the_way_to_get_it(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("VENV_RKNN", str(tmp_path))
    with pytest.raises(DataMissing, match="make rknn"):
        compiler_python()
    assert main(["npu", "--out", str(tmp_path / "out")]) == DataMissing.exit_code
    assert "make rknn" in capsys.readouterr().err


def test_the_page_names_its_sources_and_every_figure():
    estimate = {
        "npu_operations": 117, "cpu_operations": 0, "total_cycles": 108781, "ddr_traffic_kb": 5520,
        "internal_memory_kb": 2022.62, "weight_memory_kb": 1319.38,
    }  # fmt: skip
    precisions = {
        "fp16": {"compiler_estimate": estimate, "simulator": {"cosine": {"logits": {"min": 0.99991, "mean": 1.0}}}},
        "w8a8": {"refused": "too large"},
    }
    loop = {
        "amplitude_ratio": 0.9999, "opening_r": 1.0, "mean_difference_mm": 0.0027, "largest_difference_mm": 0.0104,
        "float32": [],
    }  # fmt: skip
    written = page({
        "model_id": "nano-0", "target": "rk3588", "token_loop": {"fp16": loop},
        "graphs": {"step": {"runs": "once a frame", "precisions": precisions}},
    })  # fmt: skip
    assert "*compiler estimate*" in written and "*simulator*" in written
    assert "| step | once a frame | fp16 | 117 | 0 | 108,781 | 5,520 | 2,023 | 1,319 |" in written
    assert "| step | logits 0.9999 | refused |" in written
    assert "| fp16 | 0.9999 | 1.0000 | 0.003 | 0.010 | nothing |" in written

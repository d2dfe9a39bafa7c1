"""Times of a board fill the compiler's report; a machine without the NPU says so."""

import json

import pytest

from device_agent.cli import main
from device_agent.errors import ModelError, NpuMissing
from device_agent.npu.board import BoardTimer, require_npu
from device_agent.npu.fill import filled

REPORT = {
    "v": 1,
    "board": None,
    "graphs": {
        "step": {
            "inputs": {"audio": [1, 128, 1, 1]},
            "precisions": {"fp16": {"file_bytes": 7, "board": None}, "w16a16i_dfp": {"refused": "too large"}},
        },
        "decoder": {"inputs": {"codes": [1, 16, 1, 4]}, "precisions": {"fp16": {"file_bytes": 9, "board": None}}},
    },
}


def test_every_compiled_graph_gets_its_times_and_the_rest_stays():
    asked = {}

    def timer(name, inputs):
        asked[name] = inputs
        return [3.0, 1.0, 2.0, 9.0, 2.5, 2.5, 2.5, 2.5, 2.5, 2.5]

    report = filled(REPORT, timer, {"name": "radxa,rock-5b"})
    assert asked == {"step.fp16.rknn": {"audio": [1, 128, 1, 1]}, "decoder.fp16.rknn": {"codes": [1, 16, 1, 4]}}
    assert report["board"] == {"name": "radxa,rock-5b"}
    assert report["graphs"]["step"]["precisions"]["fp16"] == {
        "file_bytes": 7,
        "board": {"median_ms": 2.5, "p90_ms": 9.0, "runs": 10},
    }
    assert report["graphs"]["step"]["precisions"]["w16a16i_dfp"] == {"refused": "too large"}
    assert REPORT["board"] is None


def test_another_file_is_no_report():
    with pytest.raises(ModelError, match="model-pipeline npu"):
        filled({"v": 2}, lambda *_: [], {})


def test_a_machine_without_the_npu_says_what_to_do(tmp_path):
    with pytest.raises(NpuMissing, match=r"is missing; run this command on the frame's board"):
        require_npu(tmp_path / "compatible")
    (tmp_path / "compatible").write_bytes(b"raspberrypi,4-model-b\0brcm,bcm2711\0")
    with pytest.raises(NpuMissing, match="says raspberrypi,4-model-b, brcm,bcm2711"):
        require_npu(tmp_path / "compatible")


def test_a_board_with_the_npu_is_named(tmp_path):
    (tmp_path / "compatible").write_bytes(b"radxa,rock-5b\0rockchip,rk3588\0")
    assert require_npu(tmp_path / "compatible") == "radxa,rock-5b"


def test_a_missing_library_is_named(tmp_path):
    with pytest.raises(NpuMissing, match="rknn-toolkit-lite2"):
        BoardTimer(tmp_path, runs=1)


def test_the_command_ends_with_the_documented_code_here(tmp_path, capsys):
    (tmp_path / "npu.json").write_text(json.dumps(REPORT))
    assert main(["bench-on-board", "--compiled", str(tmp_path)]) == NpuMissing.exit_code == 22
    said = capsys.readouterr()
    assert "there is no NPU here" in said.err
    assert said.out == ""

"""The benchmark sets every time against a yardstick of the same run."""

import json
from pathlib import Path

import pytest

from device_agent.engine import bench
from device_agent.engine.loaded import Engine
from device_agent.engine.render import Options
from frame_protocol.telemetry import Fill


def test_rendering_is_set_against_encoding_the_same_frames(engine: Engine, hopper: Path, speech: Path) -> None:
    options = Options(width=640, height=360, seconds=3.0, fill=Fill.REPEAT, preset="ultrafast")
    figures = bench.measure(engine, hopper, speech, options=options, repeats=1, yardsticks={"other": lambda: 10.0})
    assert figures["frames"] == 75
    assert figures["render_fps"] > 0
    assert figures["render_to_encode_only"] == pytest.approx(
        figures["render_fps"] / figures["encode_only_fps"], rel=0.01
    )
    assert figures["render_to_other"] == pytest.approx(figures["render_fps"] / 10, rel=0.01)
    for kind in ("ms_per_frame", "processor_ms_per_frame"):
        assert {"model", "warp", "encode"} <= set(figures[kind])
        assert figures[kind]["encode"] > 0
    assert all(milliseconds >= 0 for milliseconds in figures["drawing_ms_per_frame"].values())
    assert figures["drawing_ms_per_frame"]["mouth (face, mouth)"] > 0
    assert "CPU" in figures["machine"]
    json.dumps(figures)


def test_without_a_model_the_benchmark_says_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.main(["--model", str(tmp_path)]) == 20
    assert "install a model" in capsys.readouterr().err

"""The speed benchmark's own parts: the load it compares with, the long voice it watches, the report it writes."""

import json
import wave
from pathlib import Path

import pytest

from model_pipeline.bench import long_voice, speed, speed_report
from model_pipeline.bench.rival_network import Rival, build, measure_size

LIBRIVOX = Path("/usr/share/pocketsphinx/test/data/librivox")
VOICE = LIBRIVOX / "sense_and_sensibility_01_austen_64kb-0880.wav"
STAGES = {"voice": 0.1, "speech": 0.5, "model": 2.5, "warp": 11.0, "wait": 0.0, "encode": 14.0}
FIGURES = {
    "model_id": "nano-0", "machine": "a CPU, 2 cores", "preset": "superfast", "size": "1920x1080", "frames": 250,
    "runs": 3, "render_fps": 55.0, "render_to_encode_only": 0.6, "render_to_wav2lip_size": 1.4,
    "encode_only_fps": 90.0,
    "wav2lip_size_fps": 39.0, "first_frame_ms": 50.0, "photo_ms": 400.0, "model_load_ms": 100.0,
    "peak_memory_mb": 500.0, "ms_per_frame": STAGES, "processor_ms_per_frame": STAGES,
    "drawing_ms_per_frame": {"skin (resample)": 3.0}, "load_before": 0.1, "possible_fps": 68.0,
    "versions": {"opencv": "5"}, "wav2lip_size": {"parameters": 36_000_000, "macs_per_frame": 4e9, "threads": 2},
}  # fmt: skip


def test_the_load_weighs_what_wav2lip_weighs() -> None:
    size = measure_size(build())
    assert size.parameters == pytest.approx(36e6, rel=0.02)
    assert size.macs == pytest.approx(3.97e9, rel=0.02)


def test_the_load_runs_and_tells_its_size() -> None:
    rival = Rival(threads=1)
    assert rival.fps() > 0
    assert rival.size.parameters > 0


def test_two_processes_are_as_fast_as_the_slower_one_or_as_all_cores_allow() -> None:
    assert speed.possible_fps({"warp": 10.0, "encode": 5.0}, cores=2) == 100.0
    assert speed.possible_fps({"warp": 10.0, "encode": 30.0}, cores=2) == 50.0


def test_the_report_says_which_targets_are_met() -> None:
    figures = FIGURES | {"targets": speed_report.judge(FIGURES)}
    text = speed_report.markdown(figures)
    assert "| frames a second, whole | 55.0 | >= 50 | met |" in text
    assert "| times a network of Wav2Lip's size alone | 1.4 | >= 1.5 | not met |" in text
    assert "36.0 million parameters" in text
    json.dumps(figures)


def test_the_report_has_a_picture_beside_it(tmp_path: Path) -> None:
    speed_report.write(FIGURES | {"targets": speed_report.judge(FIGURES)}, tmp_path / "model" / "speed.md")
    assert (tmp_path / "model" / "speed.png").stat().st_size > 1000


def test_growth_is_measured_after_the_start() -> None:
    seconds = [float(second) for second in range(100)]
    memory = long_voice.Memory(
        seconds, [100.0 if s > 10 else 10 * s for s in seconds], [50.0 + s / 60 for s in seconds]
    )
    figures = memory.figures()
    assert figures["agent_growth_mb_per_minute_watched"] == pytest.approx(0.0, abs=1e-6)
    assert figures["encoder_growth_mb_per_minute_watched"] == pytest.approx(1.0)


def test_a_long_voice_is_as_long_as_asked(tmp_path: Path) -> None:
    long_voice.write_long_voice(VOICE, tmp_path / "long.wav", 7.5)
    with wave.open(str(tmp_path / "long.wav")) as file:
        assert file.getnframes() / file.getframerate() == 7.5

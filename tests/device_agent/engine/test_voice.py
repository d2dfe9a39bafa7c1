"""Any recording is decoded within limits, and what nobody speaks in is told from what cannot be read."""

import struct
import wave
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from device_agent.engine.loaded import Engine
from device_agent.engine.runtime.speech import mouth_gate, require_speech, speech_windows
from device_agent.engine.stopwatch import peak_memory_mb
from device_agent.engine.voice import load_voice
from device_agent.errors import VoiceSilent, VoiceUnreadable


def write_wav(path: Path, samples: np.ndarray, *, rate: int = 16000, channels: int = 1) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.astype(np.int16).tobytes())
    return path


def transcode(source: Path, target: Path, codec: str, rate: int) -> Path:
    with av.open(str(source)) as reader, av.open(str(target), "w") as writer:
        stream = writer.add_stream(codec, rate=rate, layout="stereo")
        resampler = av.AudioResampler(format=stream.codec_context.format or "fltp", layout="stereo", rate=rate)
        for frame in reader.decode(audio=0):
            frame.pts = None
            for part in resampler.resample(frame):
                writer.mux(stream.encode(part))
        writer.mux(stream.encode(None))
    return target


def tone(seconds: float, rate: int) -> np.ndarray:
    return np.sin(np.arange(int(seconds * rate)) * 2 * np.pi * 440 / rate) * 12000


@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (16000, 1), (44100, 2), (48000, 1)])
def test_any_rate_and_any_number_of_channels_come_out_the_same(tmp_path: Path, rate: int, channels: int) -> None:
    samples = np.repeat(tone(1.0, rate)[:, None], channels, axis=1)
    voice = load_voice(write_wav(tmp_path / "v.wav", samples, rate=rate, channels=channels))
    assert voice.seconds == pytest.approx(1.0, abs=0.01)
    assert len(voice.sound) / 48000 == pytest.approx(1.0, abs=0.01)
    assert float(np.sqrt(np.mean(voice.samples**2))) == pytest.approx(12000 / 32768 / np.sqrt(2), rel=0.05)


@pytest.mark.parametrize(("name", "codec"), [("v.mp3", "libmp3lame"), ("v.m4a", "aac"), ("v.flac", "flac")])
def test_compressed_recordings_are_decoded(speech: Path, tmp_path: Path, name: str, codec: str) -> None:
    voice = load_voice(transcode(speech, tmp_path / name, codec, 44100))
    assert voice.seconds == pytest.approx(load_voice(speech).seconds, abs=0.15)


@pytest.mark.parametrize("content", [b"", b"hello, this is text", b"RIFF\0\0\0\0WAVE"])
def test_what_is_no_recording_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "v.wav").write_bytes(content)
    with pytest.raises(VoiceUnreadable, match=r"v\.wav"):
        load_voice(tmp_path / "v.wav")


def test_a_recording_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(VoiceUnreadable):
        load_voice(write_wav(tmp_path / "v.wav", np.zeros(0)))


def test_a_picture_is_no_recording(hopper: Path) -> None:
    with pytest.raises(VoiceUnreadable, match="no sound"):
        load_voice(hopper)


def test_a_recording_that_was_cut_short_is_refused(speech: Path, tmp_path: Path) -> None:
    flac = transcode(speech, tmp_path / "whole.flac", "flac", 16000)
    (tmp_path / "cut.flac").write_bytes(flac.read_bytes()[: flac.stat().st_size // 2])
    with pytest.raises(VoiceUnreadable):
        load_voice(tmp_path / "cut.flac")


def test_more_than_a_minute_is_cut_and_said(tmp_path: Path) -> None:
    voice = load_voice(write_wav(tmp_path / "v.wav", tone(70, 8000), rate=8000))
    assert voice.seconds == pytest.approx(60, abs=0.01)
    assert "60 s" in voice.warnings[0]


def test_exactly_a_minute_is_no_cause_for_a_warning(tmp_path: Path) -> None:
    assert load_voice(write_wav(tmp_path / "v.wav", tone(60, 8000), rate=8000)).warnings == ()


def test_a_lecture_of_three_hours_does_not_fill_the_memory(tmp_path: Path) -> None:
    size = 3 * 3600 * 16000 * 2
    header = struct.pack(
        "<4sI4s4sIHHIIHH4sI", b"RIFF", size + 36, b"WAVE", b"fmt ", 16, 1, 1, 16000, 32000, 2, 16, b"data", size
    )
    with (tmp_path / "lecture.wav").open("wb") as file:
        file.write(header)
        file.write(tone(5, 16000).astype(np.int16).tobytes())
        file.truncate(size + len(header))
    before = peak_memory_mb()
    assert load_voice(tmp_path / "lecture.wav").seconds == pytest.approx(60, abs=0.01)
    assert peak_memory_mb() - before < 80


@pytest.mark.parametrize("sound", ["silence", "hum", "noise"])
def test_a_recording_in_which_nobody_speaks_is_refused(engine: Engine, sound: str) -> None:
    dice = np.random.default_rng(1)
    samples = {
        "silence": np.zeros(48000),
        "hum": 0.2 * np.sin(np.arange(48000) * 2 * np.pi * 50 / 16000),
        "noise": dice.normal(0, 0.01, 48000),
    }[sound]
    with pytest.raises(VoiceSilent, match="nobody speaks"):
        engine.gate(samples.astype(np.float32))


def test_the_mouth_may_move_in_speech_and_not_in_the_silence_around_it(engine: Engine, speech: Path) -> None:
    pause = np.zeros(2 * 16000, dtype=np.float32)
    samples = load_voice(speech).samples
    gate = np.array(list(engine.gate(np.concatenate([pause, samples, pause]))))
    assert len(gate) == 175
    assert gate[:40].max() == 0
    assert gate[-35:].max() == 0
    assert gate[60:115].min() == 1


def test_the_gate_opens_gradually() -> None:
    speech = np.zeros(100, dtype=bool)
    speech[40:60] = True
    gate = np.array(list(mouth_gate(iter(speech), 80)))
    assert len(gate) == 80
    assert gate.min() == 0
    assert gate.max() == 1
    assert np.abs(np.diff(gate)).max() <= 0.26


def test_speech_lasts_through_a_weak_moment_and_begins_only_with_a_strong_one() -> None:
    probability = np.array([0.4, 0.4, 0.6, 0.35, 0.35, 0.2, 0.4])
    assert list(speech_windows(probability)) == [False, False, True, True, True, False, False]


def test_only_the_beginning_is_judged_before_the_first_frame() -> None:
    judged = 0

    def windows() -> Iterator[bool]:
        nonlocal judged
        for _ in range(2000):
            judged += 1
            yield judged > 10

    gate = mouth_gate(require_speech(windows()), 1000)
    next(gate)
    assert judged < 25

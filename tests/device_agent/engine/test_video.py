"""The encoder process: every frame once, sound and picture together, and a file that is whole or absent."""

import os
import resource
import signal
import time
from pathlib import Path

import av
import numpy as np
import pytest

from device_agent.engine.video.writer import VideoWriter
from device_agent.errors import StorageError, VideoError

WIDTH, HEIGHT, FPS, RATE = 320, 240, 25, 48000


def write(path: Path, frames: int, sound: np.ndarray, *, preset: str = "ultrafast", flash: int = -1) -> None:
    """Write grey frames, one of them white."""
    with VideoWriter(path, WIDTH, HEIGHT, sound, preset=preset, metadata={"comment": "made by a test"}) as writer:
        for index in range(frames):
            _, planes = writer.draw()
            planes.y[:] = 235 if index == flash else 60
            planes.u[:], planes.v[:] = 128, 128
            writer.submit()
        result = writer.finish()
    assert result.frames == frames


def sound_of(path: Path) -> np.ndarray:
    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
    with av.open(str(path)) as container:
        parts = [p.to_ndarray()[0] for frame in container.decode(audio=0) for p in resampler.resample(frame)]
        parts += [p.to_ndarray()[0] for p in resampler.resample(None)]
    return np.concatenate(parts).astype(np.float64)


@pytest.mark.parametrize("frames", [1, 7, 75])
@pytest.mark.parametrize("preset", ["ultrafast", "veryfast"])
def test_every_frame_is_there_once_and_begins_at_zero(tmp_path: Path, frames: int, preset: str) -> None:
    write(tmp_path / "v.mp4", frames, np.zeros(RATE, dtype=np.int16), preset=preset)
    with av.open(str(tmp_path / "v.mp4")) as container:
        stream = container.streams.video[0]
        seconds = [float(frame.time) for frame in container.decode(stream)]
        assert stream.frames == frames
        assert float(stream.duration * stream.time_base) == pytest.approx(frames / FPS)
    assert seconds == pytest.approx([index / FPS for index in range(frames)])


def test_a_flash_and_a_click_stay_together(tmp_path: Path) -> None:
    sound = np.zeros(3 * RATE, dtype=np.int16)
    sound[2 * RATE : 2 * RATE + 200] = 30000
    write(tmp_path / "v.mp4", 75, sound, preset="veryfast", flash=50)
    with av.open(str(tmp_path / "v.mp4")) as container:
        bright = [float(f.time) for f in container.decode(video=0) if f.to_ndarray(format="gray").mean() > 150]
    click = float(np.abs(sound_of(tmp_path / "v.mp4")).argmax()) / RATE
    assert bright == [pytest.approx(2.0)]
    assert click == pytest.approx(2.0, abs=0.005)


def test_the_sound_is_that_of_the_recording_to_the_sample(tmp_path: Path) -> None:
    sound = (np.random.default_rng(2).normal(0, 3000, 2 * RATE)).astype(np.int16)
    write(tmp_path / "v.mp4", 50, sound)
    found = sound_of(tmp_path / "v.mp4")[: len(sound)]
    size = 2 * len(sound)
    match = np.fft.irfft(np.fft.rfft(found, size) * np.conj(np.fft.rfft(sound.astype(np.float64), size)))
    assert int(match.argmax()) == 0


def test_the_file_says_its_colours_and_what_it_is(tmp_path: Path) -> None:
    write(tmp_path / "v.mp4", 5, np.zeros(100, dtype=np.int16))
    with av.open(str(tmp_path / "v.mp4")) as container:
        context = container.streams.video[0].codec_context
        assert (context.name, context.pix_fmt, context.width, context.height) == ("h264", "yuv420p", WIDTH, HEIGHT)
        assert (int(context.colorspace), int(context.color_range), int(context.color_primaries)) == (1, 1, 1)
        assert container.metadata["comment"] == "made by a test"
        assert container.streams.audio[0].codec_context.name == "aac"


def test_nothing_is_left_when_drawing_fails(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):  # noqa: SIM117
        with VideoWriter(
            tmp_path / "v.mp4", WIDTH, HEIGHT, np.zeros(1, np.int16), preset="fast", metadata={}
        ) as writer:
            writer.draw()
            writer.submit()
            _ = 1 / 0
    assert not list(tmp_path.iterdir())


def test_an_earlier_video_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "v.mp4"
    path.write_bytes(b"earlier")
    with VideoWriter(path, WIDTH, HEIGHT, np.zeros(1, np.int16), preset="ultrafast", metadata={}) as writer:
        writer.draw()
        writer.submit()
        assert path.read_bytes() == b"earlier"
        writer.finish()
    assert path.read_bytes() != b"earlier"


def test_the_encoder_cleans_up_when_the_drawing_process_is_killed(tmp_path: Path) -> None:
    child = os.fork()
    if child == 0:
        writer = VideoWriter(tmp_path / "v.mp4", WIDTH, HEIGHT, np.zeros(1, np.int16), preset="fast", metadata={})
        for _ in range(20):
            writer.draw()
            writer.submit()
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    deadline = time.monotonic() + 10
    while list(tmp_path.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not list(tmp_path.iterdir())


def test_a_killed_encoder_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    with (
        pytest.raises(VideoError, match="encoder"),
        VideoWriter(tmp_path / "v.mp4", WIDTH, HEIGHT, np.zeros(1, np.int16), preset="fast", metadata={}) as writer,
    ):
        writer._process.kill()
        for _ in range(10):
            writer.draw()
            writer.submit()
        writer.finish()
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_a_storage_error_and_leaves_nothing(tmp_path: Path) -> None:
    dice = np.random.default_rng(0)
    writer = VideoWriter(tmp_path / "v.mp4", WIDTH, HEIGHT, np.zeros(1, np.int16), preset="ultrafast", metadata={})
    limits = (20_000, 20_000)
    resource.prlimit(writer._process.pid, resource.RLIMIT_FSIZE, limits)
    with pytest.raises(StorageError, match="free space"), writer:
        for _ in range(60):
            _, planes = writer.draw()
            planes.y[:] = dice.integers(16, 235, planes.y.shape)
            writer.submit()
        writer.finish()
    assert not list(tmp_path.iterdir())


def test_a_directory_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match="no directory"):
        VideoWriter(tmp_path / "no" / "v.mp4", WIDTH, HEIGHT, np.zeros(1, np.int16), preset="fast", metadata={})

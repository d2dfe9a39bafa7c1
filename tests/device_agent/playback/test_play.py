"""A playback counts what was really shown: all of it, a part of it, or what a slow display let through."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from device_agent import provenance
from device_agent.cli import main
from device_agent.engine.video.writer import VideoWriter
from device_agent.errors import VideoError
from device_agent.playback.pace import Pace
from device_agent.playback.play import play
from device_agent.playback.sink import NullSink, Picture
from frame_protocol.telemetry import Fill

FRAMES = 50
ORIGIN = provenance.Provenance("toy-1", "00000000-1111-2222-3333-444444444444", Fill.REPEAT)


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of grey."""
    path = tmp_path_factory.mktemp("video") / "v.mp4"
    tags = provenance.to_metadata(ORIGIN)
    with VideoWriter(path, 320, 240, np.zeros(96000, dtype=np.int16), preset="ultrafast", metadata=tags) as writer:
        for index in range(FRAMES):
            _, planes = writer.draw()
            planes.y[:], planes.u[:], planes.v[:] = 20 + index, 128, 128
            writer.submit()
        writer.finish()
    return path


class SlowSink(NullSink):
    """A display that needs three frames' time for each picture."""

    def show(self, picture: Picture) -> None:
        time.sleep(0.12)
        super().show(picture)


class StoppingSink(NullSink):
    """Somebody leaves the room after some pictures."""

    def __init__(self, stop: threading.Event, after: int) -> None:
        super().__init__()
        self._stop, self._after = stop, after

    def show(self, picture: Picture) -> None:
        super().show(picture)
        if self.shown == self._after:
            self._stop.set()


def test_a_video_shown_to_its_end_is_completed(video: Path) -> None:
    sink = NullSink()
    event = play(video, sink, speed=0)
    assert sink.shown == event.shown == event.frames == FRAMES
    assert event.completed
    assert event.dropped == 0
    assert event.seconds_watched == pytest.approx(2.0)


def test_playback_takes_as_long_as_the_video(video: Path) -> None:
    begin = time.monotonic()
    event = play(video, NullSink(), speed=4)
    assert time.monotonic() - begin == pytest.approx(0.5, abs=0.15)
    assert event.completed


def test_an_interrupted_playback_reports_the_part_that_was_seen(video: Path) -> None:
    stop = threading.Event()
    event = play(video, StoppingSink(stop, 20), speed=0, stop=stop)
    assert (event.shown, event.frames, event.completed) == (20, FRAMES, False)
    assert event.seconds_watched == pytest.approx(0.8)


def test_late_frames_are_dropped_and_never_counted_as_shown(video: Path) -> None:
    sink = SlowSink()
    event = play(video, sink, speed=1)
    assert event.shown == sink.shown < FRAMES
    assert event.shown + event.dropped == FRAMES
    assert not event.completed


def test_the_playback_names_the_video_and_its_model(video: Path) -> None:
    event = play(video, NullSink(), speed=0)
    assert (event.model_id, event.video_id, event.fill) == (ORIGIN.model_id, ORIGIN.video_id, ORIGIN.fill)


@pytest.mark.parametrize("content", [b"", b"no video"])
def test_what_is_no_video_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "v.mp4").write_bytes(content)
    with pytest.raises(VideoError, match="render it again"):
        play(tmp_path / "v.mp4", NullSink())


def test_a_record_that_is_not_ours_is_no_origin() -> None:
    assert provenance.from_metadata({"comment": "holiday 1987"}) is None
    assert provenance.from_metadata({}) is None


def test_the_pace_follows_the_clock() -> None:
    pace = Pace(start=100.0, speed=2.0)
    assert pace.wait(4.0, 101.0) == pytest.approx(1.0)
    assert not pace.too_late(4.0, 102.03)
    assert pace.too_late(4.0, 102.05)
    assert not Pace(start=0.0, speed=0).too_late(1.0, 1e9)


def test_the_command_prints_the_playback(video: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    try:
        assert main(["play", str(video), "--speed", "0", "--json"]) == 0
    finally:
        signal.signal(signal.SIGINT, before[0])
        signal.signal(signal.SIGTERM, before[1])
    assert json.loads(capsys.readouterr().out)["completed"] is True


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_command_with_a_partial_playback(video: Path, tmp_path: Path, number: int) -> None:
    environment = os.environ | {"LIVEFRAME_HOME": str(tmp_path)}
    child = subprocess.Popen(
        [sys.executable, "-m", "device_agent.cli", "play", str(video), "--speed", "0.2", "--json"],
        stdout=subprocess.PIPE, env=environment,
    )  # fmt: skip
    time.sleep(1.5)
    child.send_signal(number)
    out, _ = child.communicate(timeout=10)
    event = json.loads(out)
    assert child.returncode == 0
    assert 0 < event["shown"] < FRAMES
    assert event["completed"] is False

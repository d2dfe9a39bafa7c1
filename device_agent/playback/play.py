"""The use case: show a video in time and say truthfully how much of it was shown."""

import threading
import time
import uuid
from pathlib import Path

from device_agent import provenance
from device_agent.playback.pace import Pace
from device_agent.playback.reader import VideoReader
from device_agent.playback.sink import Sink
from frame_protocol.telemetry import Fill, Playback


def play(path: Path, sink: Sink, *, speed: float = 1.0, stop: threading.Event | None = None) -> Playback:
    """Play ``path`` into ``sink`` until its end or until ``stop`` is set; every frame is counted as what it was."""
    stop = stop or threading.Event()
    with VideoReader(path) as video:
        sink.open(video.facts.width, video.facts.height)
        try:
            count = _show(video, sink, speed, stop)
        finally:
            sink.close()
        return _playback(video, count)


class _Count:
    """What became of the frames so far."""

    def __init__(self) -> None:
        self.shown = self.dropped = 0
        self.last_second = 0.0
        self.elapsed = 0.0
        self.ended = False


def _show(video: VideoReader, sink: Sink, speed: float, stop: threading.Event) -> _Count:
    count = _Count()
    begin = time.monotonic()
    pace = Pace(begin, speed)
    for second, picture in video.pictures():
        wait = pace.wait(second, time.monotonic())
        if stop.wait(wait) if wait > 0 else stop.is_set():
            break
        if pace.too_late(second, time.monotonic()):
            count.dropped += 1
        else:
            sink.show(picture)
            count.shown += 1
        count.last_second = second
    else:
        count.ended = True
    count.elapsed = time.monotonic() - begin
    return count


def _playback(video: VideoReader, count: _Count) -> Playback:
    facts = video.facts
    origin = provenance.from_metadata(facts.tags)
    seen = count.shown + count.dropped
    frames = seen if count.ended else max(facts.frames, seen)
    per_frame = facts.seconds / facts.frames if facts.frames else 0.0
    return Playback(
        playback_id=str(uuid.uuid4()),
        video_id=origin.video_id if origin else None,
        model_id=origin.model_id if origin else "",
        frames=frames,
        shown=count.shown,
        dropped=count.dropped,
        seconds_watched=round(count.last_second + per_frame, 3) if seen else 0.0,
        video_seconds=round(facts.seconds, 3),
        fps=round(count.shown / count.elapsed, 2) if count.elapsed > 0 else 0.0,
        completed=count.ended and count.shown == frames and frames > 0,
        fill=origin.fill if origin else Fill.IDLE,
    )

"""Pictures and sound of a clip; the only file here that imports PyAV."""

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np

from model_pipeline.errors import DataMissing

SAMPLE_RATE = 16_000
FPS = 25
TRACKED_HEIGHT = 720
"""Frames are tracked at this height at most: the mesh model sees the face at 192 pixels in any case."""

MAX_SECONDS = 120
"""A clip is about 15 s; a longer one is not from a frame."""


def read_sound(path: Path) -> np.ndarray:
    """Return the sound of a file as 16 kHz mono, float32 -1..1; silence before its first sample is kept."""
    try:
        with av.open(str(path)) as container:
            if not container.streams.audio:
                raise DataMissing(f"Expected a sound track in {path.name}, there is none.")
            return _sound(container)
    except (av.FFmpegError, OSError) as error:
        raise DataMissing(f"{path.name} cannot be read as sound ({error}); a WAV or MP4 file is expected.") from error


def _sound(container: av.container.InputContainer) -> np.ndarray:
    resampler = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE)
    pieces: list[np.ndarray] = []
    first: float | None = None
    for frame in container.decode(audio=0):
        first = float(frame.time or 0.0) if first is None else first
        if float(frame.time or 0.0) > MAX_SECONDS:
            break
        pieces += [np.asarray(item.to_ndarray())[0] for item in resampler.resample(frame)]
    pieces += [np.asarray(item.to_ndarray())[0] for item in resampler.resample(None)]
    samples = np.concatenate(pieces) if pieces else np.zeros(0, np.float32)
    lead = np.zeros(round(max(first or 0.0, 0.0) * SAMPLE_RATE), np.float32)
    return np.concatenate([lead, samples.astype(np.float32)])


def read_frames(path: Path) -> Iterator[np.ndarray]:
    """Yield the pictures of a clip as RGB [height, width, 3] at 25 fps, at most 720 high."""
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise DataMissing(f"Expected a video in {path.name}, there is none.")
            yield from _at_25_fps(container)
    except (av.FFmpegError, OSError) as error:
        raise DataMissing(f"{path.name} cannot be read as a video ({error}).") from error


def _at_25_fps(container: av.container.InputContainer) -> Iterator[np.ndarray]:
    container.streams.video[0].thread_type = "AUTO"
    shown = 0
    for frame in container.decode(video=0):
        due = round(float(frame.time or 0.0) * FPS) + 1
        if shown >= MAX_SECONDS * FPS:
            return
        if due <= shown:
            continue
        picture = _small(frame)
        for _ in range(due - shown):
            yield picture
        shown = due


def _small(frame: av.VideoFrame) -> np.ndarray:
    scale = min(1.0, TRACKED_HEIGHT / frame.height)
    width, height = round(frame.width * scale / 2) * 2, round(frame.height * scale / 2) * 2
    return np.asarray(frame.to_ndarray(format="rgb24", width=width, height=height))

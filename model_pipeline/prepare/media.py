"""Pictures and sound of recordings, a stretch at a time; the only file of this folder that imports PyAV."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from device_agent.engine.features import SAMPLE_RATE
from model_pipeline.errors import DataMissing

ENDINGS = frozenset((".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v", ".mpg", ".mpeg", ".mts", ".3gp"))
"""Ends of the names of videos, in lower case."""
SHORTEST_GAP_S = 1 / 31
"""Frames that follow sooner are left out: 60 a second show no more of the lips than 30."""
SOUND_LEAD_S = 1.0
"""Sound is decoded from this much before the stretch: codecs need a run-up."""


@dataclass(frozen=True)
class Probe:
    """What a file says of itself."""

    seconds: float
    picture: bool
    sound: bool


def probe(path: Path) -> Probe:
    """Return length and streams of a recording; DataMissing when it is none."""
    try:
        with av.open(str(path), metadata_errors="ignore") as container:
            seconds = (container.duration or 0) / av.time_base
            return Probe(seconds, bool(container.streams.video), bool(container.streams.audio))
    except (av.FFmpegError, OSError) as error:
        raise DataMissing(f"{path.name} cannot be read as a video ({error})") from error


def pictures(path: Path, start: float, stop: float) -> Iterator[tuple[float, NDArray[np.uint8]]]:
    """Yield second and upright picture [height,width,3] RGB of the frames within ``start`` .. ``stop``."""
    last = -1.0
    try:
        with av.open(str(path), metadata_errors="ignore") as container:
            container.streams.video[0].thread_type = "AUTO"
            container.seek(round(start * av.time_base), backward=True)
            for frame in container.decode(video=0):
                second = float(frame.time or 0.0)
                if second >= stop:
                    return
                if second >= start and second - last >= SHORTEST_GAP_S:
                    last = second
                    yield second, upright(frame.to_ndarray(format="rgb24"), frame.rotation)
    except (av.FFmpegError, OSError) as error:
        raise DataMissing(f"{path.name} cannot be decoded after {max(last, start):.1f} s ({error})") from error


def upright(picture: NDArray[np.uint8], degrees: int) -> NDArray[np.uint8]:
    """Turn a picture counter-clockwise by what the file says, to the next quarter turn: telephones film lying."""
    return np.ascontiguousarray(np.rot90(picture, round(degrees / 90) % 4))


def sound(path: Path, start: float, stop: float) -> NDArray[np.float32]:
    """Return the sound of ``start`` .. ``stop`` as 16 kHz mono in -1..1, silence where there is none."""
    out = np.zeros(round((stop - start) * SAMPLE_RATE), dtype=np.float32)
    try:
        with av.open(str(path), metadata_errors="ignore") as container:
            container.seek(round(max(0.0, start - SOUND_LEAD_S) * av.time_base), backward=True)
            resampler = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE)
            at: int | None = None
            for frame in container.decode(audio=0):
                if at is None:
                    at = round((float(frame.time or 0.0) - start) * SAMPLE_RATE)
                for piece in resampler.resample(frame):
                    at = _lay(out, piece.to_ndarray()[0], at)
                if at >= len(out):
                    break
    except (av.FFmpegError, OSError) as error:
        raise DataMissing(f"the sound of {path.name} cannot be decoded ({error})") from error
    return out


def _lay(out: NDArray[np.float32], piece: NDArray[np.float32], at: int) -> int:
    """Copy what of ``piece`` lies inside ``out`` when it begins at sample ``at``; return where the next begins."""
    low, high = max(0, at), min(len(out), at + len(piece))
    if high > low:
        out[low:high] = piece[low - at : high - at]
    return at + len(piece)

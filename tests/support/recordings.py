"""Small video files, and a finder of faces that reads them: how bright a picture is says what it shows."""

from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np

from device_agent.engine.features import SAMPLE_RATE
from model_pipeline.prepare.faces import Landmarks, Sight, canonical_points

NOBODY, PERSON, CROWD = 40, 120, 220
"""Grey levels."""
SIDE, FPS = 320, 25
PX_PER_MM = 1.2


def write_video(
    path: Path, levels: Sequence[int], sound: np.ndarray | None, *, seconds: Sequence[float] | None = None
) -> Path:
    """Write a frame of each grey level, and ``sound`` (16 kHz, -1..1) beside it unless it is None."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        video = container.add_stream("mpeg4", rate=FPS, options={"qscale": "2"})
        video.width = video.height = SIDE
        video.pix_fmt = "yuv420p"
        voice = container.add_stream("pcm_s16le", rate=SAMPLE_RATE, layout="mono") if sound is not None else None
        for index, level in enumerate(levels):
            frame = av.VideoFrame.from_ndarray(np.full((SIDE, SIDE, 3), level, dtype=np.uint8), format="rgb24")
            frame.pts = index if seconds is None else round(seconds[index] * FPS)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if voice is not None:
            samples = np.round(np.clip(sound, -1, 1) * 32767).astype(np.int16)[None]
            block = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
            block.sample_rate, block.pts = SAMPLE_RATE, 0
            container.mux(voice.encode(block))
            container.mux(voice.encode(None))
    return path


def posed(
    yaw_degrees: float = 0.0, *, scale: float = PX_PER_MM, centre: tuple[float, float] = (160.0, 140.0)
) -> Landmarks:
    """Return the canonical face [478,3], turned and laid into a picture."""
    angle = np.radians(yaw_degrees)
    turn = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
    placed = canonical_points().astype(np.float64) @ turn.T * scale
    placed[:, :2] += centre
    return placed.astype(np.float32)


class ScriptedFinder:
    """Sees nobody, a person or a crowd by the brightness of the picture; a person stays where they are."""

    def look(self, picture: np.ndarray) -> Sight:
        """Look at the whole picture."""
        level = float(picture.mean())
        if level < (NOBODY + PERSON) / 2:
            return Sight(None, 0)
        return Sight(posed(), 1 if level < (PERSON + CROWD) / 2 else 3)

    def follow(self, picture: np.ndarray, last: Landmarks) -> Landmarks | None:
        """Place the points where the face was."""
        return self.look(picture).landmarks

"""How a short voice fills a longer video: it is said once and the portrait rests, or it is said again."""

import math
from dataclasses import dataclass

import numpy as np

from device_agent.engine.arrays import Floats, Sound
from device_agent.engine.voice import MODEL_RATE, SOUND_RATE, Voice
from frame_protocol.telemetry import Fill

FPS = 25
DEFAULT_SECONDS = 15.0
MAX_SECONDS = 120.0
PAUSE_SECONDS = 0.6
"""Between two repetitions."""


@dataclass(frozen=True)
class Timeline:
    """Sound and picture of the whole video on one clock."""

    frames: int
    speech: Floats
    """16 kHz: what the model hears, from the first frame on; the mouth rests after its end."""
    sound: Sound
    """48 kHz: what the video plays."""
    warnings: tuple[str, ...]


def plan(voice: Voice, seconds: float | None, fill: Fill) -> Timeline:
    """Lay out ``voice`` over a video of ``seconds``; by default 15 s, or as long as the voice if that is longer."""
    wanted = max(DEFAULT_SECONDS, voice.seconds) if seconds is None else seconds
    frames = math.ceil(round(wanted * FPS, 6))
    warnings = voice.warnings
    if voice.seconds > wanted + 1 / FPS:
        warnings += (f"the voice lasts {voice.seconds:.1f} s, the video {wanted:.1f} s; its end is cut",)
    times = 1
    if fill is Fill.REPEAT:
        times = max(1, int((wanted + PAUSE_SECONDS) // (voice.seconds + PAUSE_SECONDS)))
    return Timeline(
        frames,
        _repeated(voice.samples, times, MODEL_RATE)[: frames * MODEL_RATE // FPS],
        _repeated(voice.sound, times, SOUND_RATE)[: frames * SOUND_RATE // FPS],
        warnings,
    )


def _repeated(sound: Floats, times: int, rate: int) -> Floats:
    pause = np.zeros(round(PAUSE_SECONDS * rate), dtype=sound.dtype)
    parts = [part for _ in range(times) for part in (sound, pause)][:-1]
    return np.concatenate(parts) if len(parts) > 1 else sound

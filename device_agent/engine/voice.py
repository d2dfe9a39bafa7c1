"""Decodes any recording into what the model hears and what the video plays, within limits of time and memory."""

from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

from device_agent.engine.arrays import Floats, Sound
from device_agent.errors import VoiceUnreadable

MODEL_RATE = 16_000
SOUND_RATE = 48_000
MAX_SECONDS = 60.0
"""A frame asks for about five seconds; a whole lecture is cut here, and the result says so."""

MIN_SECONDS = 0.2
FULL_SCALE = 32767
MAX_MISSING = 0.1
"""Share of the announced length that may be absent before a file counts as truncated."""


@dataclass(frozen=True)
class Voice:
    """One recording, mono."""

    samples: Floats
    """16 kHz, -1..1: what the model hears."""
    sound: Sound
    """48 kHz: what the video plays."""
    warnings: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        """Length of the recording."""
        return len(self.samples) / MODEL_RATE


def load_voice(path: Path, *, max_seconds: float = MAX_SECONDS) -> Voice:
    """Decode the first ``max_seconds`` of a recording; memory does not grow with the file.

    Raises VoiceUnreadable when it is no recording, is empty or is cut short.
    """
    try:
        with av.open(str(path), metadata_errors="ignore") as container:
            if not container.streams.audio:
                raise VoiceUnreadable(
                    f"{path.name} holds no sound; give a recording such as WAV, MP3, M4A, OGG or FLAC"
                )
            samples, sound, longer = _decode(container, max_seconds)
            announced = _announced_seconds(container)
    except (av.FFmpegError, OSError, ValueError) as error:
        raise VoiceUnreadable(f"{path.name} cannot be decoded ({error}); record or copy it again") from error
    seconds = len(samples) / MODEL_RATE
    if seconds < MIN_SECONDS:
        raise VoiceUnreadable(f"{path.name} holds {seconds:.2f} s of sound; at least {MIN_SECONDS} s are needed")
    if seconds < min(announced, max_seconds) * (1 - MAX_MISSING):
        raise VoiceUnreadable(
            f"{path.name} ends after {seconds:.1f} s, it announces {announced:.1f} s; copy it again"
        )
    warnings = (f"the recording is longer than {max_seconds:.0f} s; its beginning is used",) if longer else ()
    return Voice(samples, sound, warnings)


def _decode(container: "av.container.InputContainer", max_seconds: float) -> tuple[Floats, Sound, bool]:
    to_model = av.AudioResampler(format="fltp", rate=MODEL_RATE)
    to_sound = av.AudioResampler(format="fltp", rate=SOUND_RATE)
    model: list[Floats] = []
    sound: list[Floats] = []
    decoded, longer = 0.0, False
    for frame in container.decode(container.streams.audio[0]):
        if decoded >= max_seconds:
            longer = True
            break
        decoded += frame.samples / frame.sample_rate
        frame.pts = None
        model.extend(_mono(part) for part in to_model.resample(frame))
        sound.extend(_mono(part) for part in to_sound.resample(frame))
    model.extend(_mono(part) for part in to_model.resample(None))
    sound.extend(_mono(part) for part in to_sound.resample(None))
    return (
        _join(model)[: int(max_seconds * MODEL_RATE)],
        (_join(sound)[: int(max_seconds * SOUND_RATE)] * FULL_SCALE).astype(np.int16),
        longer or decoded > max_seconds + MIN_SECONDS,
    )


def _announced_seconds(container: "av.container.InputContainer") -> float:
    """Return the length that the file's header promises; 0 where a header can only guess (MP3 and the like)."""
    exact = {"wav", "flac", "mov", "aiff"} & set(container.format.name.split(","))
    stream = container.streams.audio[0]
    if not exact or stream.duration is None or stream.time_base is None:
        return 0.0
    return float(stream.duration * stream.time_base)


def _mono(part: "av.AudioFrame") -> Floats:
    """Average the channels; the decoder's own mix would make stereo louder than mono."""
    return np.asarray(np.nan_to_num(part.to_ndarray().mean(axis=0)).clip(-1.0, 1.0))


def _join(parts: list[Floats]) -> Floats:
    return np.concatenate(parts).astype(np.float32) if parts else np.zeros(0, dtype=np.float32)

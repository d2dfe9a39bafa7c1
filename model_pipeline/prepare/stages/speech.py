"""Stage ``speech``: clips are cut to where somebody speaks (Silero VAD, MIT; the model that frames run too).

Short pauses stay, because a mouth must learn to close in them; long ones and silent clips are set aside.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from device_agent.engine.features import SAMPLE_RATE
from device_agent.engine.package import VAD
from device_agent.engine.runtime.speech import WINDOW, SpeechDetector, speech_windows
from model_pipeline.data import third_party
from model_pipeline.prepare.clip import Clip, read_clip, write_clip
from model_pipeline.prepare.outcome import Outcome, SetAside, Why
from model_pipeline.prepare.progress import Tick

NAME = "speech"
Listen = Callable[[NDArray[np.float32]], NDArray[np.bool_]]
"""16 kHz sound -> for each window of 32 ms whether somebody speaks."""


@dataclass(frozen=True)
class SpeechSettings:
    """What is cut away."""

    pad_s: float = 0.3
    """Kept before and after speech: lips move before the sound."""
    pause_s: float = 0.8
    """Longer pauses divide a clip."""
    least_s: float = 1.0
    """A shorter stretch is not worth a clip."""


def listener() -> Listen:
    """Return the voice detector of the packages."""
    detector = SpeechDetector(third_party.model_files()[VAD])
    return lambda sound: np.array(list(speech_windows(detector.probabilities(sound))), dtype=bool)


def speech(source: Path, target: Path, listen: Listen, settings: SpeechSettings, tick: Tick) -> Outcome:
    """Write a clip for each stretch of speech in that of ``source``."""
    clip = read_clip(source)
    outcome = Outcome(seconds_in=clip.seconds)
    heard = listen(clip.sound())
    for begin, end in stretches(heard, clip.seconds, settings):
        if end - begin < settings.least_s:
            outcome.set_aside.append(SetAside(clip.source, Why.TOO_SHORT, end - begin))
            continue
        piece = cut(clip, begin, end)
        write_clip(target / piece.id, piece, source)
        outcome.kept.append(piece.id)
        outcome.seconds_out += piece.seconds
    silent = outcome.seconds_in - outcome.seconds_out - sum(item.seconds for item in outcome.set_aside)
    if silent > 0.5 / SAMPLE_RATE:
        outcome.set_aside.append(SetAside(clip.source, Why.SILENCE, silent))
    outcome.figures = {"speech_share": float(heard.mean()) if heard.size else 0.0}
    tick(1.0)
    return outcome


def stretches(heard: NDArray[np.bool_], seconds: float, settings: SpeechSettings) -> list[tuple[float, float]]:
    """Return begin and end in seconds of the stretches of speech, padded, joined over short pauses."""
    found: list[tuple[float, float]] = []
    for index in np.flatnonzero(heard).tolist():
        begin, end = index * WINDOW / SAMPLE_RATE, (index + 1) * WINDOW / SAMPLE_RATE
        if found and begin - found[-1][1] <= settings.pause_s:
            found[-1] = (found[-1][0], end)
        else:
            found.append((begin, end))
    return [(max(0.0, b - settings.pad_s), min(seconds, e + settings.pad_s)) for b, e in found]


def cut(clip: Clip, begin: float, end: float) -> Clip:
    """Return the frames, sound and photos of ``begin`` .. ``end`` seconds."""
    inside = np.flatnonzero((clip.pts >= begin) & (clip.pts < end))
    first = float(clip.pts[inside[0]])
    shown = (clip.photo_pts >= first) & (clip.photo_pts < end)
    return replace(
        clip, id=f"{clip.id}-{round(first * 100):04d}", start=clip.start + first, pts=clip.pts[inside] - first,
        landmarks=clip.landmarks[inside], ok=clip.ok[inside], points68=clip.points68[inside],
        audio=clip.audio[round(first * SAMPLE_RATE) : round(end * SAMPLE_RATE)],
        photos=clip.photos[shown], photo_pts=clip.photo_pts[shown] - first, photo_points=clip.photo_points[shown],
        rest=clip.rest[shown], treatment=clip.treatment[shown],
    )  # fmt: skip

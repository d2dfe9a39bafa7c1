"""The mouth on synthetic speech, whose phoneme times are exact: does it close on P, B, M and rest in silence?"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
from numpy.typing import NDArray

from device_agent.engine import canonical, features
from frame_protocol.model_package import Sampling
from model_pipeline.data import speakers, visemes
from model_pipeline.evaluate.backend import speak
from model_pipeline.models.nano import Nano

SENTENCES = (
    ("en-us", "My mother bought apples, bananas and a big blue map."),
    ("en-us+f3", "People may move above the open bay. Papa and Bob come home."),
    ("en", "Happy birthday, my baby. Remember the summer by the blue water."),
    ("en-us+m3", "Father saw a far away star, calm and warm."),
    ("cmn-latn-pinyin", "ma1 ma5 ba4 ba5, wo3 men5 bu4 pao3 bu4."),
    ("flite/slt", "My mother bought apples, bananas and a big blue map."),
    ("flite/rms", "People may move above the open bay. Papa and Bob come home."),
    ("flite/awb", "Happy birthday, my baby. Remember the summer by the blue water."),
    ("de", "Meine liebe Mama, guten Abend, mein Papa."),
)
PAUSE_S = 0.6
CLOSED_MM = 1.5
NEAR_FRAMES = 1
"""A closure counts when the lips meet within so many frames of the sound's middle."""


@dataclass(frozen=True)
class Curve:
    """One sentence: lip opening [F] in mm and the visemes that sounded."""

    sentence: str
    opening: NDArray[np.floating]
    pulls: list[visemes.Pull]


Mouth = Callable[[NDArray[np.float32]], Sequence[NDArray[np.floating]]]
"""Sound in, one map [4,64,64] for each frame out."""


def without_photo(model: Nano, sampling: Sampling) -> Mouth:
    """Return the mouth of a model that sees no photo."""
    return lambda audio: list(speak(model, audio, sampling).maps)


def curve(mouth: Mouth, points: NDArray[np.floating], voice: str, sentence: str) -> Curve:
    """Speak a sentence between two pauses and return the mouth's opening."""
    spoken = speakers.say(sentence, voice)
    pause = np.zeros(int(PAUSE_S * features.SAMPLE_RATE), dtype=np.float32)
    maps = mouth(np.concatenate([pause, spoken.audio, pause]))
    items = [visemes.Pull(p.viseme, p.start + PAUSE_S, p.end + PAUSE_S) for p in visemes.pulls(spoken.phonemes)]
    end = PAUSE_S + spoken.audio.size / features.SAMPLE_RATE
    silence = visemes.Viseme.SILENCE
    items = [visemes.Pull(silence, 0.0, PAUSE_S), *items, visemes.Pull(silence, end, end + PAUSE_S)]
    return Curve(sentence, np.array([canonical.map_opening(m, points) for m in maps]), items)


def check_speech(
    mouth: Mouth, points: NDArray[np.floating], sentences: Sequence[tuple[str, str]] = SENTENCES
) -> tuple[list[Curve], dict[str, float]]:
    """Return the curves of ``sentences`` (voice, text), and closure, vowel and silence figures."""
    curves = [curve(mouth, points, voice, sentence) for voice, sentence in sentences]
    closed, vowels, silent, still = [], [], [], []
    for item in curves:
        frames = item.opening.size
        for index in np.flatnonzero(visemes.closures(item.pulls, frames)):
            closed.append(item.opening[max(0, index - NEAR_FRAMES) : index + NEAR_FRAMES + 1].min())
        vowels += list(item.opening[visemes.frames_of(item.pulls, frames, visemes.Viseme.OPEN)])
        quiet = visemes.frames_of(item.pulls, frames, visemes.Viseme.SILENCE, inset=0.12)
        silent += list(np.abs(item.opening[quiet]))
        still += list(np.abs(np.diff(item.opening))[quiet[1:] & quiet[:-1]])
    return curves, {
        "closures": float(len(closed)),
        "closure_share": float(np.mean(np.array(closed) < CLOSED_MM)),
        "closure_median_mm": float(np.median(closed)),
        "open_vowel_median_mm": float(np.median(vowels)),
        "silence_opening_mm": float(np.mean(silent)),
        "silence_movement_mm_per_frame": float(np.mean(still)),
    }


def draw(path: Path, curves: list[Curve]) -> None:
    """Draw the opening of every sentence with its visemes."""
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(len(curves), 1, figsize=(12, 2.2 * len(curves)), squeeze=False)
    for axis, item in zip(axes[:, 0], curves, strict=True):
        axis.plot(np.arange(item.opening.size) / features.VIDEO_FPS, item.opening, "k-")
        for pull in item.pulls:
            if pull.viseme is visemes.Viseme.BILABIAL:
                axis.axvspan(pull.start, pull.end, color="tab:red", alpha=0.4)
            elif pull.viseme is visemes.Viseme.OPEN:
                axis.axvspan(pull.start, pull.end, color="tab:green", alpha=0.25)
            elif pull.viseme is visemes.Viseme.SILENCE:
                axis.axvspan(pull.start, pull.end, color="0.85")
        axis.axhline(CLOSED_MM, color="tab:red", linewidth=0.5)
        axis.set(title=item.sentence, ylabel="opening mm")
    figure.tight_layout()
    figure.savefig(path, dpi=80)
    plt.close(figure)

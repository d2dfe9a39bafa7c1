"""Rule visemes with coarticulation: phonemes with times -> lip opening and width at 25 fps.

Dominance functions (Cohen & Massaro 1993): every phoneme pulls the mouth towards its target, strongest at its middle
and fading to both sides; the mouth is the mean of all targets under these pulls. A closure pulls much harder than a
vowel.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from device_agent.engine.features import VIDEO_FPS
from model_pipeline.data.speech import Phoneme

Floats = NDArray[np.float64]


class Viseme(StrEnum):
    """Visible classes of speech sounds."""

    SILENCE = "silence"
    BILABIAL = "bilabial"
    LABIODENTAL = "labiodental"
    DENTAL = "dental"
    ALVEOLAR = "alveolar"
    LATERAL = "lateral"
    SIBILANT = "sibilant"
    POSTALVEOLAR = "postalveolar"
    VELAR = "velar"
    GLOTTAL = "glottal"
    RHOTIC = "rhotic"
    GLIDE_W = "glide_w"
    GLIDE_J = "glide_j"
    OPEN = "open"
    CENTRAL = "central"
    MID_FRONT = "mid_front"
    CLOSE_FRONT = "close_front"
    MID_BACK = "mid_back"
    CLOSE_BACK = "close_back"
    FRONT_ROUNDED = "front_rounded"


class Dominant(Protocol):
    """Whatever pulls."""

    @property
    def strength(self) -> float:
        """At the sound's middle."""
        ...

    @property
    def reach(self) -> float:
        """Seconds in which the pull falls to 1/e outside the phoneme's core."""
        ...


@dataclass(frozen=True)
class Target:
    """What a viseme asks for."""

    opening: float
    """mm"""
    width: float
    """mm against the closed mouth"""
    strength: float
    reach: float
    """Seconds in which the pull falls to 1/e outside the phoneme's core."""


TABLE = {
    Viseme.SILENCE: Target(0.0, 0.0, 1.2, 0.056),
    Viseme.BILABIAL: Target(-1.0, -0.5, 9.0, 0.022),
    Viseme.LABIODENTAL: Target(1.2, 0.0, 4.0, 0.028),
    Viseme.DENTAL: Target(4.5, 0.0, 1.2, 0.040),
    Viseme.ALVEOLAR: Target(5.0, 0.5, 0.8, 0.040),
    Viseme.LATERAL: Target(6.5, 0.5, 0.9, 0.040),
    Viseme.SIBILANT: Target(3.5, 1.5, 1.4, 0.040),
    Viseme.POSTALVEOLAR: Target(4.5, -3.0, 1.6, 0.048),
    Viseme.VELAR: Target(6.0, 0.0, 0.6, 0.040),
    Viseme.GLOTTAL: Target(7.0, 0.0, 0.4, 0.040),
    Viseme.RHOTIC: Target(4.5, -2.5, 1.0, 0.048),
    Viseme.GLIDE_W: Target(2.5, -6.0, 2.0, 0.048),
    Viseme.GLIDE_J: Target(4.5, 2.0, 1.0, 0.040),
    Viseme.OPEN: Target(13.5, 0.5, 1.4, 0.048),
    Viseme.CENTRAL: Target(8.0, 0.0, 0.9, 0.048),
    Viseme.MID_FRONT: Target(9.0, 2.0, 1.2, 0.048),
    Viseme.CLOSE_FRONT: Target(5.5, 3.5, 1.2, 0.048),
    Viseme.MID_BACK: Target(9.0, -4.5, 1.3, 0.048),
    Viseme.CLOSE_BACK: Target(4.0, -6.0, 1.6, 0.048),
    Viseme.FRONT_ROUNDED: Target(4.0, -5.0, 1.5, 0.048),
}
"""Openings in the scale of real speakers: median 6 mm, 95th percentile 15."""

_SOUNDS = {
    Viseme.BILABIAL: "pbmɓʙɸβ",
    Viseme.LABIODENTAL: "fvɱʋ",
    Viseme.DENTAL: "θð",
    Viseme.ALVEOLAR: "tdnɾrʈɖɳɗ",
    Viseme.LATERAL: "lɫɭʎɬ",
    Viseme.SIBILANT: "szɕʑ",
    Viseme.POSTALVEOLAR: "ʃʒʂʐ",
    Viseme.VELAR: "kɡgŋxɣqχʁɲcçʝɟ",
    Viseme.GLOTTAL: "hɦʔħ",
    Viseme.RHOTIC: "ɹɻɚɝ",
    Viseme.GLIDE_W: "wʍɥ",
    Viseme.GLIDE_J: "j",
    Viseme.OPEN: "aɑæɐɒʌ",
    Viseme.CENTRAL: "əɜɘɞɤɵᵻɨɯ",
    Viseme.MID_FRONT: "eɛ",
    Viseme.CLOSE_FRONT: "iɪ",
    Viseme.MID_BACK: "oɔ",
    Viseme.CLOSE_BACK: "uʊʉ",
    Viseme.FRONT_ROUNDED: "yʏøœ",
}
_BY_SOUND = {sound: viseme for viseme, sounds in _SOUNDS.items() for sound in sounds}
_ARPABET = {
    Viseme.BILABIAL: "P B M", Viseme.LABIODENTAL: "F V", Viseme.DENTAL: "TH DH", Viseme.ALVEOLAR: "T D N",
    Viseme.LATERAL: "L", Viseme.SIBILANT: "S Z", Viseme.POSTALVEOLAR: "SH ZH CH JH", Viseme.VELAR: "K G NG",
    Viseme.GLOTTAL: "HH", Viseme.RHOTIC: "R ER", Viseme.GLIDE_W: "W", Viseme.GLIDE_J: "Y",
    Viseme.OPEN: "AA AE AH AW AY", Viseme.MID_FRONT: "EH EY", Viseme.CLOSE_FRONT: "IH IY",
    Viseme.MID_BACK: "AO OW OY", Viseme.CLOSE_BACK: "UH UW", Viseme.SILENCE: "SIL",
}  # fmt: skip
_BY_ARPABET = {name: viseme for viseme, names in _ARPABET.items() for name in names.split()}
_DIPHTHONG_END = "ɪʊiuyə"


@dataclass(frozen=True)
class Pull:
    """A viseme with its time."""

    viseme: Viseme
    start: float
    end: float


@dataclass(frozen=True)
class Style:
    """How a person speaks: factors on the targets, and how far the lips run ahead of the sound."""

    opening: float = 1.0
    width: float = 1.0
    lead: float = 0.02
    """Seconds."""


def pulls(phonemes: Sequence[Phoneme]) -> list[Pull]:
    """Return the visemes of IPA phonemes; a diphthong gives two, an unknown sound none."""
    found: list[Pull] = []
    for phoneme in phonemes:
        sounds = [_BY_SOUND[ch] for ch in phoneme.ipa if ch in _BY_SOUND]
        if not phoneme.ipa:
            found.append(Pull(Viseme.SILENCE, phoneme.start, phoneme.end))
        elif len(sounds) >= 2 and phoneme.ipa.rstrip("ː")[-1] in _DIPHTHONG_END:
            middle = phoneme.start + 0.6 * (phoneme.end - phoneme.start)
            found += [Pull(sounds[0], phoneme.start, middle), Pull(sounds[-1], middle, phoneme.end)]
        elif sounds:
            found.append(Pull(sounds[-1] if sounds[0] is Viseme.ALVEOLAR else sounds[0], phoneme.start, phoneme.end))
    return found


def arpabet_pulls(phones: Sequence[tuple[str, float, float]]) -> list[Pull]:
    """Return the visemes of ARPABET labels with start and end; unknown labels count as silence."""
    return [Pull(_BY_ARPABET.get(name.rstrip("012"), Viseme.SILENCE), start, end) for name, start, end in phones]


def dominance(items: Sequence[Pull], times: Floats, table: Mapping[Viseme, Dominant], lead: float) -> Floats:
    """Return the pull [frames, items] of every viseme at every time."""
    start = np.array([p.start for p in items])
    end = np.array([p.end for p in items])
    strength = np.array([table[p.viseme].strength for p in items])
    reach = np.array([table[p.viseme].reach for p in items])
    core = np.array([0.35 if p.viseme is Viseme.BILABIAL else 0.25 for p in items]) * (end - start)
    middle = (start + end) / 2 - lead
    away = np.maximum(0.0, np.abs(times[:, None] - middle[None, :]) - core[None, :])
    return strength * np.exp(-away / reach) + 1e-12


def lips(
    items: Sequence[Pull], frames: int, table: dict[Viseme, Target] | None = None, style: Style | None = None
) -> Floats:
    """Return opening and width [frames, 2] in mm at t/25 s."""
    table, style = table or TABLE, style or Style()
    times = np.arange(frames) / VIDEO_FPS
    if not items:
        return np.zeros((frames, 2))
    weight = dominance(items, times, table, style.lead)
    targets = np.array(
        [(table[p.viseme].opening * style.opening, table[p.viseme].width * style.width) for p in items]
    )
    mixed = (weight @ targets) / weight.sum(axis=1, keepdims=True)
    mixed[:, 0] = np.maximum(mixed[:, 0], 0.0)
    return mixed


def frames_of(items: Sequence[Pull], frames: int, wanted: Viseme, *, inset: float = 0.0) -> NDArray[np.bool_]:
    """Say for each frame whether it lies inside a ``wanted`` viseme, ``inset`` seconds away from its ends."""
    times = np.arange(frames) / VIDEO_FPS
    inside = np.zeros(frames, dtype=bool)
    for pull in items:
        if pull.viseme is wanted:
            inside |= (times >= pull.start + inset) & (times <= pull.end - inset)
    return inside


def closures(items: Sequence[Pull], frames: int, lead: float = 0.02) -> NDArray[np.bool_]:
    """Mark, for each bilabial, the one frame nearest to its middle."""
    marked = np.zeros(frames, dtype=bool)
    for pull in items:
        if pull.viseme is Viseme.BILABIAL:
            index = round(((pull.start + pull.end) / 2 - lead) * VIDEO_FPS)
            if 0 <= index < frames:
                marked[index] = True
    return marked

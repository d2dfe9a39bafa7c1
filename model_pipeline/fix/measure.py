"""What a mouth does at the sounds that were spoken: the figures from which `findings` decides. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from model_pipeline.fix.curve import MouthCurve, expected_opening, frames_of, spoken_frames, still_frames
from model_pipeline.fix.phones import Phone, SoundClass

CLOSED_READING_CAP_MM = 1.5
"""A tracker reads up to this much on closed lips; a clip that never comes nearer is one whose mouth stays open."""

CLOSED_READING_PERCENTILE = 5.0
"""The reading of closed lips is what the clip shows in this share of its frames."""

CLOSED_BELOW_MM = 1.5
LABIODENTAL_BELOW_MM = 3.0
"""Lip on teeth: the lips themselves stay a little apart."""
OPEN_ABOVE_MM = 4.0
ROUNDED_NARROWER_MM = 0.5
"""A rounded sound narrows the mouth by at least this against the clip's median."""

NEIGHBOURS = 1
"""Frames before and after a phone in which its shape may be reached."""

MAX_LAG_FRAMES = 6
"""Real clips of 3 s have chance peaks at 7 frames and more."""
LAG_BELIEVED_FROM_R = 0.4
"""Below this correlation no lag is named: any two curves correlate a little somewhere."""

FEW_SURE = 3
"""With fewer sure sounds of a class than this, the doubtful ones count too."""


@dataclass(frozen=True)
class Occurrence:
    """One sound and what the mouth did at it."""

    kind: SoundClass
    label: str
    time_s: float
    """Middle of the sound, seconds into the voice."""
    reached_mm: float
    """The opening (corrected) or width that decides, mm."""
    good: bool
    sure: bool


@dataclass(frozen=True)
class Measurement:
    """Figures of one clip. Openings are corrected by ``closed_reading_mm``."""

    frames: int
    found_share: float
    voice_start_s: float
    closed_reading_mm: float
    closure_share: float | None
    """Share of P/B/M whose lips come nearer than 1.5 mm; None when there is none."""
    silence_frames: int
    silence_sd_mm: float | None
    silence_mean_mm: float | None
    amplitude_mm: float | None
    """95th less 5th percentile of the opening while somebody speaks."""
    expected_amplitude_mm: float | None
    lag_frames: int | None
    """Positive: the mouth comes late. None: no believable peak."""
    r_expected: float | None
    """Correlation with the expected opening while somebody speaks, as it stands."""
    r_at_lag: float | None
    jitter_mm: float | None
    """Mean absolute second difference of the opening while somebody speaks."""
    occurrences: tuple[Occurrence, ...]


def measure(curve: MouthCurve, phones: Sequence[Phone]) -> Measurement:
    """Return the figures of a clip whose voice holds ``phones``."""
    closed = closed_reading(curve.opening_mm)
    opening = np.maximum(curve.opening_mm - closed, 0.0)
    spoken = spoken_frames(phones, curve.voice_start_s, curve.frames)
    wanted = expected_opening(phones, curve.voice_start_s, curve.frames)
    lag, r_at_lag = best_lag(opening, wanted, spoken)
    still = opening[still_frames(curve.silent)]
    occurrences = tuple(_occurrences(curve, opening, phones))
    return Measurement(
        frames=curve.frames,
        found_share=float(np.mean(curve.found)),
        voice_start_s=curve.voice_start_s,
        closed_reading_mm=closed,
        closure_share=share(counted(occurrences, SoundClass.BILABIAL)),
        silence_frames=len(still),
        silence_sd_mm=_if_any(_sd, still),
        silence_mean_mm=_if_any(_mean, still),
        amplitude_mm=_if_any(_spread, opening[spoken]),
        expected_amplitude_mm=_if_any(_spread, wanted[spoken]),
        lag_frames=lag,
        r_expected=correlation(opening[spoken], wanted[spoken]),
        r_at_lag=r_at_lag,
        jitter_mm=_if_any(_jitter, opening[spoken]),
        occurrences=occurrences,
    )


def closed_reading(opening_mm: np.ndarray) -> float:
    """Return what the tracker reads on this clip's closed lips, capped."""
    return float(min(np.percentile(opening_mm, CLOSED_READING_PERCENTILE), CLOSED_READING_CAP_MM))


def counted(occurrences: Sequence[Occurrence], kind: SoundClass) -> list[Occurrence]:
    """Return the occurrences of a class that count: the sure ones, or all when too few are sure."""
    every = [item for item in occurrences if item.kind == kind]
    sure = [item for item in every if item.sure]
    return sure if len(sure) >= FEW_SURE else every


def share(occurrences: Sequence[Occurrence]) -> float | None:
    """Return the share of good ones."""
    return sum(item.good for item in occurrences) / len(occurrences) if occurrences else None


def correlation(left: np.ndarray, right: np.ndarray) -> float | None:
    """Return Pearson's r, or None where one side does not move."""
    if len(left) < 3 or np.std(left) < 1e-6 or np.std(right) < 1e-6:
        return None
    return float(np.corrcoef(left, right)[0, 1])


def best_lag(opening: np.ndarray, wanted: np.ndarray, spoken: slice) -> tuple[int | None, float | None]:
    """Return by how many frames the mouth is late, and r there; no lag where the peak is not believable."""
    if spoken.stop <= spoken.start:
        return None, None
    best: tuple[float, int] | None = None
    for lag in sorted(range(-MAX_LAG_FRAMES, MAX_LAG_FRAMES + 1), key=abs):
        first = max(0, spoken.start + lag)
        stop = max(first, min(len(opening), spoken.stop + lag))
        r = correlation(opening[first:stop], wanted[first - lag : stop - lag])
        if r is not None and (best is None or r > best[0] + 1e-9):
            best = (r, lag)
    if best is None:
        return None, None
    return (best[1] if best[0] >= LAG_BELIEVED_FROM_R else None), best[0]


def _occurrences(curve: MouthCurve, opening: np.ndarray, phones: Sequence[Phone]) -> list[Occurrence]:
    spoken = spoken_frames(phones, curve.voice_start_s, curve.frames)
    usual_width = float(np.median(curve.width_mm[spoken])) if spoken.stop > spoken.start else 0.0
    found = []
    for phone in phones:
        window = frames_of(phone, curve.voice_start_s, curve.frames, NEIGHBOURS)
        if window.stop <= window.start:
            continue
        judged = _judge(phone.kind, opening[window], curve.width_mm[window], usual_width)
        if judged is not None:
            reached, good = judged
            found.append(Occurrence(phone.kind, phone.label, round(phone.middle, 3), reached, good, phone.sure))
    return found


def _judge(kind: SoundClass, opening: np.ndarray, width: np.ndarray, usual_width: float) -> tuple[float, bool] | None:
    lowest, highest, narrowest = float(opening.min()), float(opening.max()), float(width.min())
    verdicts = {
        SoundClass.BILABIAL: (lowest, lowest < CLOSED_BELOW_MM),
        SoundClass.LABIODENTAL: (lowest, lowest < LABIODENTAL_BELOW_MM),
        SoundClass.OPEN: (highest, highest > OPEN_ABOVE_MM),
        SoundClass.ROUNDED: (narrowest, narrowest < usual_width - ROUNDED_NARROWER_MM),
    }
    return verdicts.get(kind)


def _spread(values: np.ndarray) -> float:
    return float(np.percentile(values, 95) - np.percentile(values, 5))


def _sd(values: np.ndarray) -> float:
    return float(np.std(values))


def _mean(values: np.ndarray) -> float:
    return float(np.mean(values))


def _jitter(values: np.ndarray) -> float:
    return float(np.mean(np.abs(np.diff(values, 2)))) if len(values) > 2 else 0.0


def _if_any(figure: Callable[[np.ndarray], float], values: np.ndarray) -> float | None:
    return figure(values) if len(values) else None

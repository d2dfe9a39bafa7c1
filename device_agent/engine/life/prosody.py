"""What the voice stresses: loudness and pitch of every video frame, and the accents in them. Pure."""

from dataclasses import dataclass

import numpy as np

from device_agent.engine.arrays import Floats
from device_agent.engine.voice import MODEL_RATE

FPS = 25
HOP = MODEL_RATE // FPS
WINDOW = 1024
"""Samples that pitch is measured on: 64 ms, four periods of the lowest voice."""

LOW_HZ, HIGH_HZ = 65.0, 400.0
VOICED_ABOVE = 0.45
"""Autocorrelation at the pitch period, as a share of the power."""

FIRST_PEAK_SHARE = 0.88
"""The shortest period whose peak reaches this share of the highest is taken: two periods are as alike as one."""

QUIET_DB = 35.0
"""So far below the loudest frame a voice counts as silent."""

SMOOTH_FRAMES = 5
ACCENT_GAP_FRAMES = 9
"""Two accents are at least this far apart: heads do not nod at every syllable."""

ACCENT_ABOVE = 0.35
"""How far loudness and pitch together must rise above their surroundings, in standard deviations."""

SURROUNDINGS_FRAMES = 41


@dataclass(frozen=True)
class Accent:
    """One stressed moment."""

    frame: int
    strength: float
    """0..1."""


def loudness(samples: Floats) -> Floats:
    """Return 0 (silent) .. 1 (the loudest) for every video frame of a 16 kHz recording."""
    frames = -(-len(samples) // HOP)
    padded = np.zeros(frames * HOP, dtype=np.float64)
    padded[: len(samples)] = samples
    power = np.square(padded.reshape(frames, HOP)).mean(axis=1)
    decibels = 10.0 * np.log10(power + 1e-10)
    return np.asarray(np.clip((decibels - decibels.max(initial=-60.0)) / QUIET_DB + 1.0, 0.0, 1.0), dtype=np.float32)


def pitch(samples: Floats) -> Floats:
    """Return the pitch in Hz of every video frame, 0 where there is none: the first peak of the autocorrelation."""
    frames = -(-len(samples) // HOP)
    padded = np.zeros(frames * HOP + WINDOW, dtype=np.float32)
    padded[WINDOW // 2 - HOP // 2 :][: len(samples)] = samples[: len(padded) - WINDOW // 2 + HOP // 2]
    low, high = int(MODEL_RATE / HIGH_HZ), int(MODEL_RATE / LOW_HZ)
    found = np.zeros(frames, dtype=np.float32)
    taper = np.hanning(WINDOW)
    fading = np.fft.irfft(np.square(np.abs(np.fft.rfft(taper, 2 * WINDOW))))[: high + 1]
    for frame in range(frames):
        part = padded[frame * HOP : frame * HOP + WINDOW] * taper
        likeness = np.fft.irfft(np.square(np.abs(np.fft.rfft(part, 2 * WINDOW))))[: high + 1]
        if likeness[0] < 1e-6:
            continue
        likeness = likeness / likeness[0] * (fading[0] / fading)
        good = likeness[low:] >= FIRST_PEAK_SHARE * likeness[low:].max()
        first = int(good.argmax())
        after = int(np.argmin(good[first:])) or len(good) - first
        lag = low + first + int(likeness[low + first : low + first + after].argmax())
        found[frame] = MODEL_RATE / lag if likeness[lag] > VOICED_ABOVE else 0.0
    return found


def accents(loud: Floats, hertz: Floats) -> list[Accent]:
    """Return the moments where loudness and pitch stand out, at least a third of a second apart."""
    if len(loud) == 0 or float(np.ptp(loud)) == 0.0:
        return []
    rise = _standing_out(_smooth(loud, SMOOTH_FRAMES)) + 0.5 * _standing_out(
        _smooth(_semitones(hertz), SMOOTH_FRAMES)
    )
    left = np.where(loud > 0.3, rise, -np.inf)
    chosen: list[Accent] = []
    while float(left.max()) > ACCENT_ABOVE:
        frame = int(left.argmax())
        chosen.append(Accent(frame, float(np.clip(rise[frame] / 2.0, 0.0, 1.0))))
        left[max(0, frame - ACCENT_GAP_FRAMES) : frame + ACCENT_GAP_FRAMES + 1] = -np.inf
    return sorted(chosen, key=lambda accent: accent.frame)


def _semitones(hertz: Floats) -> Floats:
    """Pitch on a scale of hearing; where there is none it stays at the middle of the voice."""
    voiced = hertz > 0
    if not voiced.any():
        return np.zeros_like(hertz)
    middle = float(np.median(hertz[voiced]))
    return np.asarray(12.0 * np.log2(np.where(voiced, hertz, middle) / middle))


def _standing_out(values: Floats) -> Floats:
    spread = max(float(values.std()), 1e-6)
    return np.asarray((values - _smooth(values, SURROUNDINGS_FRAMES)) / spread)


def _smooth(values: Floats, frames: int) -> Floats:
    window = np.hanning(frames + 2)[1:-1]
    weight = np.convolve(np.ones(len(values)), window)
    start = (frames - 1) // 2
    return np.asarray((np.convolve(values, window) / weight)[start : start + len(values)])

"""What happens to sound on its way to a frame: noise, small bands, rooms, levels, other speeds. Numpy and scipy."""

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, fftconvolve, sosfilt

from device_agent.engine.features import SAMPLE_RATE

Floats = NDArray[np.float32]


def disturb(audio: Floats, dice: np.random.Generator) -> Floats:
    """Return ``audio`` with a random room, band, noise and level."""
    out = audio
    if dice.random() < 0.4:
        out = _room(out, dice)
    if dice.random() < 0.5:
        out = _band(out, dice)
    if dice.random() < 0.4:
        out = _tilt(out, dice)
    if dice.random() < 0.7:
        out = _noise(out, dice)
    return (out * np.float32(10 ** dice.uniform(-1.0, 0.2))).astype(np.float32)


def _room(audio: Floats, dice: np.random.Generator) -> Floats:
    """Exponentially dying reflections of 0.05 to 0.35 s."""
    length = int(dice.uniform(0.05, 0.35) * SAMPLE_RATE)
    tail = dice.normal(size=length) * np.exp(-6.0 * np.arange(length) / length)
    tail[0] = 0.0
    tail *= dice.uniform(0.1, 0.5) / max(float(np.sqrt(np.square(tail).sum())), 1e-9)
    tail[0] = 1.0
    return fftconvolve(audio, tail)[: audio.size].astype(np.float32)


def _band(audio: Floats, dice: np.random.Generator) -> Floats:
    low, high = dice.uniform(60, 300), dice.uniform(3000, 7500)
    edges = butter(2, [low, high], btype="bandpass", fs=SAMPLE_RATE, output="sos")
    return sosfilt(edges, audio).astype(np.float32)


def _tilt(audio: Floats, dice: np.random.Generator) -> Floats:
    """Raise or lower the highs."""
    amount = np.float32(dice.uniform(-0.6, 0.6))
    return (audio - amount * np.concatenate([audio[:1], audio[:-1]])).astype(np.float32)


def _noise(audio: Floats, dice: np.random.Generator) -> Floats:
    """Add white to brown noise, 5 to 40 dB below the speech."""
    white = dice.normal(size=audio.size)
    colour = dice.uniform(0.0, 0.97)
    shaped = sosfilt(np.array([[1.0, 0.0, 0.0, 1.0, -colour, 0.0]]), white)
    power = float(np.sqrt(np.square(audio).mean()) / max(np.sqrt(np.square(shaped).mean()), 1e-9))
    return (audio + shaped * power * 10 ** (-dice.uniform(5, 40) / 20)).astype(np.float32)


def at_speed(audio: Floats, motion: NDArray[np.float32], factor: float) -> tuple[Floats, NDArray[np.float32]]:
    """Play sound and motion [T,P] ``factor`` times as fast (pitch moves along)."""
    samples = np.arange(0, audio.size - 1, factor)
    frames = np.arange(0, motion.shape[0] - 1, factor)
    sound = np.interp(samples, np.arange(audio.size), audio).astype(np.float32)
    low = frames.astype(int)
    share = (frames - low)[:, None]
    moved = motion[low] * (1 - share) + motion[np.minimum(low + 1, motion.shape[0] - 1)] * share
    return sound, moved.astype(np.float32)

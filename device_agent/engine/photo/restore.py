"""Undoes the yellowing of an old print: each colour's darkest and brightest tones are brought together. Pure.

Paper yellows where it is white and dyes fade where they are black; both ends of every channel are stretched to the
same range ("white patch" by percentiles), within bounds, so that a sunset stays warm.
"""

import numpy as np

from device_agent.engine.arrays import Floats, Pixels

DARK_PERCENT, BRIGHT_PERCENT = 1.0, 99.0
MAX_GAIN = 1.6
MAX_SHIFT = 40.0
"""Steps of 255 that the dark end may move."""

SAMPLE = 4
"""Every so many pixels count."""


def restore(photo: Pixels) -> Pixels:
    """Return the photo [h,w,3] RGB with the cast taken off; one that has none stays nearly as it is."""
    sample = photo[::SAMPLE, ::SAMPLE].reshape(-1, 3)
    dark, bright = np.percentile(sample, [DARK_PERCENT, BRIGHT_PERCENT], axis=0)
    table = np.stack([_curve(dark[c], bright[c], float(dark.min()), float(bright.max())) for c in range(3)], axis=1)
    return np.stack([table[photo[..., c], c] for c in range(3)], axis=-1)


def _curve(dark: float, bright: float, to_dark: float, to_bright: float) -> Floats:
    """Return the table [256] of one channel."""
    low = max(to_dark, dark - MAX_SHIFT)
    gain = min((to_bright - low) / max(bright - dark, 1.0), MAX_GAIN)
    values = low + (np.arange(256) - dark) * max(gain, 1.0)
    return np.asarray(np.clip(values + 0.5, 0, 255), dtype=np.uint8)

"""A mouth over time, and the mouth that the sounds ask for. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor

import numpy as np
from scipy.ndimage import binary_erosion, gaussian_filter1d

from model_pipeline.fix.phones import OPENING_MM, Phone

FPS = 25
FINE_RATE = 200
"""Samples a second of the expected opening before it is smoothed and sampled at the frames."""

COARTICULATION_S = 0.04
"""Lips take this long (standard deviation) from one sound to the next."""

SILENCE_MARGIN_FRAMES = 3
"""Lips part before the sound and close after it: frames this near to speech do not count as silence."""


@dataclass(frozen=True)
class MouthCurve:
    """What the tracker read in the pixels of a clip, one value a frame at 25 fps."""

    opening_mm: np.ndarray
    """Distance of the inner lips, [frames]; gaps are filled from their neighbours."""
    width_mm: np.ndarray
    """Distance of the corners, [frames]."""
    found: np.ndarray
    """Whether a face was found in the frame, bool [frames]."""
    silent: np.ndarray
    """Whether nobody speaks in the clip's own sound during the frame, bool [frames]."""
    voice_start_s: float
    """Where in the clip the voice recording begins, seconds."""

    @property
    def frames(self) -> int:
        """Number of frames."""
        return len(self.opening_mm)


def frames_of(phone: Phone, voice_start_s: float, frames: int, margin: int = 0) -> slice:
    """Return the frames during which a phone sounds, widened by ``margin``, inside the clip."""
    first = floor((phone.start + voice_start_s) * FPS + 1e-6) - margin
    stop = ceil((phone.end + voice_start_s) * FPS - 1e-6) + margin
    return slice(max(0, first), max(0, min(frames, stop)))


def spoken_frames(phones: Sequence[Phone], voice_start_s: float, frames: int) -> slice:
    """Return the stretch from the first to the last audible phone."""
    audible = [phone for phone in phones if phone.label in OPENING_MM]
    if not audible:
        return slice(0, 0)
    whole = Phone("AH", audible[0].start, audible[-1].end)
    return frames_of(whole, voice_start_s, frames)


def still_frames(silent: np.ndarray) -> np.ndarray:
    """Return the frames in which lips should rest: silence, away from speech."""
    if silent.all():
        return np.asarray(silent)
    structure = np.ones(2 * SILENCE_MARGIN_FRAMES + 1, dtype=bool)
    # the clip's ends are no speech: the border counts as silence
    return np.asarray(binary_erosion(silent, structure, border_value=1))


def expected_opening(phones: Sequence[Phone], voice_start_s: float, frames: int) -> np.ndarray:
    """Return the opening in mm that the phones ask for at the middle of each frame, with coarticulation."""
    fine = np.zeros(max(1, int(frames / FPS * FINE_RATE)))
    for phone in phones:
        first = int((phone.start + voice_start_s) * FINE_RATE)
        stop = int((phone.end + voice_start_s) * FINE_RATE)
        fine[max(0, first) : max(0, stop)] = OPENING_MM.get(phone.label.rstrip("012"), 0.0)
    smooth = gaussian_filter1d(fine, COARTICULATION_S * FINE_RATE)
    middles = ((np.arange(frames) + 0.5) / FPS * FINE_RATE).astype(int)
    return np.asarray(smooth[np.minimum(middles, len(smooth) - 1)])


def filled(values: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Return ``values`` with the frames that were not found interpolated from the others."""
    if found.all() or not found.any():
        return np.asarray(values)
    index = np.arange(len(values))
    return np.interp(index, index[found], values[found])

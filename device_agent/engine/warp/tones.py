"""The photo's own range of tones: skin, lips, the darkest it has, and its grain.

What is painted must not be darker, cleaner or more colourful than the photo around it.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from device_agent.engine.arrays import Floats, Pixels
from device_agent.engine.photo.portrait import Portrait

CHEEK_POINTS = (50, 280, 101, 330, 205, 425)
LOWER_LIP_POINTS = (17, 84, 314, 15, 86, 316)
PATCH_MM = 1.5
DARKEST_SHARE = 0.005
"""The photo's black is the tone of its darkest half percent."""

DARK_SAMPLES = 4
"""Every so many pixels enter the search for the darkest."""

GRAIN_BLUR_PX = 1.5
MAX_GRAIN = 12.0
MAD_TO_SIGMA = 1.48


@dataclass(frozen=True)
class Tones:
    """YUV colours [3], and the strength of the grain in units of brightness."""

    skin: Floats
    lip: Floats
    dark: Floats
    grain: float


def measure_tones(portrait: Portrait) -> Tones:
    """Measure the tones around the face of a portrait."""
    cheeks = _patches(portrait, CHEEK_POINTS)
    lips = _patches(portrait, LOWER_LIP_POINTS)
    return Tones(
        skin=_median(np.concatenate([patch.reshape(-1, 3) for patch in cheeks])),
        lip=_median(np.concatenate([patch.reshape(-1, 3) for patch in lips])),
        dark=_darkest(portrait),
        grain=float(np.median([_grain(patch) for patch in cheeks])),
    )


def grain_texture(portrait: Portrait, strength: float, width: int, height: int) -> Floats:
    """Return still noise [height, width] as coarse as the photo's: made at the photo's size and enlarged with it."""
    scale = max(1.0, portrait.canvas.scale_x)
    small = (max(2, round(width / scale)), max(2, round(height / scale)))
    noise = np.random.default_rng(0).normal(0.0, 1.0, (small[1], small[0])).astype(np.float32)
    grown = cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)
    spread = max(float(np.std(grown)), 1e-3)
    return np.asarray(grown * (min(strength, MAX_GRAIN) / spread), dtype=np.float32)


def _patches(portrait: Portrait, points: tuple[int, ...]) -> list[Pixels]:
    radius = max(2, round(PATCH_MM * portrait.px_per_mm))
    rows, columns = portrait.yuv.shape[:2]
    found = []
    for x, y in portrait.landmarks[list(points), :2]:
        left, top = int(np.clip(x, 0, columns - 1)), int(np.clip(y, 0, rows - 1))
        found.append(portrait.yuv[max(0, top - radius) : top + radius + 1, max(0, left - radius) : left + radius + 1])
    return found


def _median(samples: Pixels) -> Floats:
    return np.asarray(np.median(samples, axis=0), dtype=np.float32)


def _darkest(portrait: Portrait) -> Floats:
    canvas = portrait.canvas
    photo = portrait.yuv[canvas.top : canvas.bottom : DARK_SAMPLES, canvas.left : canvas.right : DARK_SAMPLES]
    pixels = photo.reshape(-1, 3)
    count = max(1, int(len(pixels) * DARKEST_SHARE))
    return _median(pixels[np.argpartition(pixels[:, 0], count - 1)[:count]])


def _grain(patch: Pixels) -> float:
    brightness = patch[..., 0].astype(np.float32)
    fine = brightness - cv2.GaussianBlur(brightness, (0, 0), GRAIN_BLUR_PX)
    return MAD_TO_SIGMA * float(np.median(np.abs(fine)))

"""The photo's own range of tones: skin, lips, the darkest it has, and its grain.

What is painted must not be darker, cleaner or more colourful than the photo around it.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from device_agent.engine.arrays import Floats, Pixels
from device_agent.engine.canonical import RIGHT_IRIS
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
GREY = 128.0
"""U and V of a colour without colour."""

RIGHT_EYE = (33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7)
LEFT_EYE = (263, 466, 388, 387, 386, 385, 384, 398, 362, 382, 381, 380, 374, 373, 390, 249)
RIGHT_IRIS_RING, LEFT_IRIS_RING = (469, 470, 471, 472), (474, 475, 476, 477)
IRIS_MARGIN = 1.15
EYE_WHITE_QUANTILES = 0.60, 0.95
"""Lids and lashes are the darker part of an eye, glints the brightest."""

MIN_EYE_WHITE_PIXELS = 20
EYE_WHITE_TRUSTED = 0.6
"""Eye whites darker than this share of the cheek lie in the shade; their colour says little."""

TEETH_OF_SKIN, TEETH_BRIGHTEST = 0.97, 1.35
"""Brightness of teeth in the light as a share of the cheek's: at least and at most; the eye whites choose between."""

TEETH_SATURATION = 0.6
"""Colour of teeth as a share of the skin's, where no eye white can be trusted."""


SHADE_STEP, MIN_SHADE_SHARE = 16, 0.005
"""Brightness is looked at in such steps; fewer than this share of a face's pixels say nothing of one."""


@dataclass(frozen=True)
class Tones:
    """YUV colours [3], and the strength of the grain in units of brightness."""

    skin: Floats
    lip: Floats
    dark: Floats
    teeth: Floats
    """In full light."""
    grain: float


def measure_tones(portrait: Portrait) -> Tones:
    """Measure the tones around the face of a portrait."""
    cheeks = _patches(portrait, CHEEK_POINTS)
    lips = _patches(portrait, LOWER_LIP_POINTS)
    skin, dark = _median(np.concatenate([patch.reshape(-1, 3) for patch in cheeks])), _darkest(portrait)
    return Tones(
        skin=skin,
        lip=_median(np.concatenate([patch.reshape(-1, 3) for patch in lips])),
        dark=dark,
        teeth=teeth_tone(skin, dark, eye_white(portrait)),
        grain=float(np.median([_grain(patch) for patch in cheeks])),
    )


def shades(portrait: Portrait) -> Floats:
    """Return the U and V [256, 2] that the photo's own face has at each brightness.

    Varnish and faded dyes colour light and shade differently: what is dark in a yellow face is not as yellow.
    """
    outline = cv2.convexHull(portrait.landmarks[:RIGHT_IRIS, :2].astype(np.float32)).round().astype(np.int32)
    inside = np.zeros(portrait.yuv.shape[:2], dtype=np.uint8)
    cv2.fillConvexPoly(inside, outline, 1)
    face = portrait.yuv[inside > 0]
    steps = face[:, 0] // SHADE_STEP
    seen = np.flatnonzero(np.bincount(steps, minlength=1) >= max(1.0, MIN_SHADE_SHARE * len(face)))
    hues = np.array([_median(face[steps == step, 1:]) for step in seen])
    at = (seen + 0.5) * SHADE_STEP
    return np.stack([np.interp(np.arange(256), at, hue) for hue in hues.T], axis=1).astype(np.float32)


def eye_white(portrait: Portrait) -> Floats | None:
    """Return the YUV [3] of the brighter eye's white, None where too little of it shows."""
    found = []
    for outline, ring in ((RIGHT_EYE, RIGHT_IRIS_RING), (LEFT_EYE, LEFT_IRIS_RING)):
        pixels = _eye_pixels(portrait, outline, ring)
        if len(pixels) < MIN_EYE_WHITE_PIXELS:
            continue
        first, last = (int(len(pixels) * share) for share in EYE_WHITE_QUANTILES)
        found.append(_median(pixels[np.argsort(pixels[:, 0])][first:last]))
    return max(found, key=lambda white: float(white[0]), default=None)


def teeth_tone(skin: Floats, dark: Floats, white: Floats | None) -> Floats:
    """Return the YUV [3] of teeth in full light beside such skin, black and eye white."""
    light = max(float(skin[0] - dark[0]), 0.0)
    share, hue = TEETH_OF_SKIN, GREY + (skin[1:] - GREY) * TEETH_SATURATION
    if white is not None and light > 0:
        brightness = float(white[0] - dark[0]) / light
        share = min(max(share, brightness), TEETH_BRIGHTEST)
        if brightness > EYE_WHITE_TRUSTED:
            hue = (white[1:] + skin[1:]) / 2
    return np.concatenate([[float(dark[0]) + light * share], hue]).astype(np.float32)


def _eye_pixels(portrait: Portrait, outline: tuple[int, ...], ring: tuple[int, ...]) -> Pixels:
    points, iris = portrait.landmarks[list(outline), :2], portrait.landmarks[list(ring), :2]
    rows, columns = portrait.yuv.shape[:2]
    low = np.clip(np.floor(points.min(axis=0)).astype(int), 0, [columns - 1, rows - 1])
    high = np.clip(np.ceil(points.max(axis=0)).astype(int) + 1, low + 1, [columns, rows])
    inside = np.zeros((high[1] - low[1], high[0] - low[0]), dtype=np.uint8)
    cv2.fillPoly(inside, [np.round(points - low).astype(np.int32)], 1)
    centre = iris.mean(axis=0)
    radius = float(np.linalg.norm(iris - centre, axis=1).mean()) * IRIS_MARGIN
    cv2.circle(inside, [round(float(v)) for v in centre - low], max(1, round(radius)), 0, -1)
    return np.asarray(portrait.yuv[low[1] : high[1], low[0] : high[0]][inside > 0])


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

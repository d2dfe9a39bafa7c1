"""Takes dust off a scanned print: specks that are much lighter or darker than all around them. Pure.

A speck is what a median removes (Tukey, Exploratory Data Analysis, 1977) by far more than the photo's own grain;
only its pixels are replaced. Lights in the eyes look the same: the eyes are left alone.
"""

import cv2
import numpy as np

from device_agent.engine.arrays import Floats, Pixels

WINDOW_SHARE = 0.008
"""Side of the median's window, of the photo's longer side; wider specks are part of the picture to it."""

MIN_WINDOW, MAX_WINDOW = 5, 31
TIMES_GRAIN, MIN_STEP = 7.0, 22.0
"""A speck stands out by this multiple of the usual difference around it, and by so many steps of 255."""

AROUND = 4.0
"""The usual difference is taken over this multiple of the window."""

MAX_SHARE = 0.02
"""Of the photo; where more would be replaced it is texture, not dust, and all of it stays."""

GROW = 3
"""Pixels by which specks are widened: their soft edges go too."""


def remove_dust(photo: Pixels, keep: list[Floats]) -> Pixels:
    """Return the photo [h,w,3] RGB without specks, but for what lies inside the outlines ``keep`` [n,2] in pixels."""
    grey = np.asarray(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY))
    window = int(np.clip(WINDOW_SHARE * max(grey.shape), MIN_WINDOW, MAX_WINDOW)) | 1
    step = cv2.absdiff(grey, cv2.medianBlur(grey, window)).astype(np.float32)
    usual = cv2.GaussianBlur(np.minimum(step, MIN_STEP), (0, 0), AROUND * window)
    standing_out = ((step > TIMES_GRAIN * usual) & (step > MIN_STEP)).astype(np.uint8)
    specks = _alone(standing_out, window)
    if float(specks.mean()) > MAX_SHARE:
        return photo
    specks = cv2.dilate(specks, np.ones((GROW, GROW), dtype=np.uint8))
    for outline in keep:
        cv2.fillPoly(specks, [np.round(cv2.convexHull(outline.astype(np.float32))).astype(np.int32)], 0)
    clean = cv2.medianBlur(photo, window)
    return np.where(specks[..., None] > 0, clean, photo)


def _alone(standing_out: Pixels, window: int) -> Pixels:
    """Keep what stands out alone: hair, lace and letters stand out in company."""
    together = cv2.dilate(standing_out, np.ones((window, window), dtype=np.uint8))
    _, labels, groups, _ = cv2.connectedComponentsWithStats(together)
    small = groups[:, cv2.CC_STAT_WIDTH : cv2.CC_STAT_HEIGHT + 1].max(axis=1) <= 2 * window
    small[0] = False
    return np.asarray(standing_out * small[labels], dtype=np.uint8)

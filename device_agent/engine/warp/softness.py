"""How soft the photo is: what is painted into it must be as soft, or it looks like a sticker.

Edges are blurred further; how much their slope falls tells how blurred they were (Zhuo and Sim, Pattern Recognition
44(9), 2011). The strongest edges of the face count, so that grain and craquelure do not.
"""

import cv2
import numpy as np

from device_agent.engine.arrays import Floats
from device_agent.engine.canonical import RIGHT_IRIS
from device_agent.engine.photo.portrait import Portrait

FINE_PX, COARSE_PX = 1.0, 2.0
"""The two blurs that are compared."""

STRONGEST = 0.97
"""Quantile of the slopes from which on an edge is believed."""

SHARP_SHARE = 0.8
"""Edges of a face are rounded themselves: this share of what they show is the picture's blur."""

SHARPEST_PX, SOFTEST_PX = 0.5, 4.0


def blur_px(portrait: Portrait) -> float:
    """Return the blur of the face in the frame, as the sigma of a Gaussian in pixels."""
    low = np.maximum(np.floor(portrait.landmarks[:RIGHT_IRIS, :2].min(axis=0)).astype(int), 0)
    high = np.ceil(portrait.landmarks[:RIGHT_IRIS, :2].max(axis=0)).astype(int)
    face = portrait.yuv[low[1] : high[1], low[0] : high[0], 0].astype(np.float32)
    fine, coarse = _slopes(face, FINE_PX), _slopes(face, COARSE_PX)
    strong = coarse >= np.quantile(coarse, STRONGEST)
    fall = float(np.median(fine[strong] / np.maximum(coarse[strong], 1e-6))) ** 2
    if fall <= 1.0:
        return SOFTEST_PX
    variance = (COARSE_PX**2 - FINE_PX**2 * fall) / (fall - 1.0)
    return float(np.clip(SHARP_SHARE * np.sqrt(max(variance, 0.0)), SHARPEST_PX, SOFTEST_PX))


def _slopes(face: Floats, blur: float) -> Floats:
    smooth = cv2.GaussianBlur(face, (0, 0), blur)
    return np.asarray(cv2.magnitude(cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1)))

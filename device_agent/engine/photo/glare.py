"""Sees the reflection of a lamp or flash on a photographed print. Pure.

What a reflection has burnt out is not in the picture any more, and this product invents no skin: the person is told.
"""

import cv2
import numpy as np

from device_agent.engine.arrays import Floats, Pixels
from device_agent.engine.canonical import RIGHT_IRIS

BURNT = 250
"""All three colours at least this bright: nothing is left to see."""

MIN_SPOT_SHARE = 0.004
"""Of the face; smaller spots are lights in eyes, on teeth and on a nose."""

MIN_SHARE = 0.03
"""Of the face, all spots together: worth a word."""


def glare_share(photo: Pixels, landmarks: Floats) -> float:
    """Return the share of the face of ``landmarks`` [478,3] that lies under burnt-out spots, 0..1."""
    outline = cv2.convexHull(landmarks[:RIGHT_IRIS, :2].astype(np.float32))[:, 0]
    low = np.maximum(np.floor(outline.min(axis=0)).astype(int), 0)
    high = np.ceil(outline.max(axis=0)).astype(int)
    face = photo[low[1] : high[1], low[0] : high[0]]
    if face.size == 0:
        return 0.0
    inside = np.zeros(face.shape[:2], dtype=np.uint8)
    cv2.fillPoly(inside, [np.round(outline - low).astype(np.int32)], 1)
    burnt = (face.min(axis=2) >= BURNT).astype(np.uint8) & inside
    _, _, spots, _ = cv2.connectedComponentsWithStats(burnt)
    areas = spots[1:, cv2.CC_STAT_AREA] / max(int(inside.sum()), 1)
    return float(areas[areas >= MIN_SPOT_SHARE].sum())


def about_glare(share: float) -> tuple[str, ...]:
    """Return what to tell the person."""
    if share < MIN_SHARE:
        return ()
    return (
        f"a bright reflection hides {100 * share:.0f} % of the face; photograph the print without flash, "
        "from a little aside, or scan it",
    )

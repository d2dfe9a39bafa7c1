"""Where the head ends: motion fades out beyond its outline, and the background does not move at all."""

import cv2
import numpy as np

from device_agent.engine.arrays import Floats
from device_agent.engine.canonical import RIGHT_IRIS
from device_agent.engine.photo.portrait import Portrait
from device_agent.engine.warp.grid import rise

HEAD_MARGIN_MM = 30.0
"""The skin under the chin follows the jaw over this distance, in a straight slope: a steeper one would fold it. Hair
and collar beside the face lie within it too."""

FRACTION_BITS = 4
"""Corners of the outline are drawn to a sixteenth of a cell."""


def head_strength(portrait: Portrait, x: Floats, y: Floats) -> Floats:
    """Return [len(y), len(x)]: 1 on the face, falling to exactly 0 at HEAD_MARGIN_MM beyond the mesh's outline.

    ``x`` and ``y`` are evenly spaced pixel positions, the same distance apart.
    """
    step = float(x[1] - x[0])
    outline = cv2.convexHull(portrait.landmarks[:RIGHT_IRIS, :2].astype(np.float32))[:, 0]
    cells = (outline - np.array([x[0], y[0]])) / step
    beyond = np.ones((len(y), len(x)), dtype=np.uint8)
    cv2.fillPoly(beyond, [np.round(cells * 2**FRACTION_BITS).astype(np.int32)], 0, shift=FRACTION_BITS)
    distance = cv2.distanceTransform(beyond, cv2.DIST_L2, cv2.DIST_MASK_PRECISE) * (step / portrait.px_per_mm)
    return rise(1.0 - distance / HEAD_MARGIN_MM)

"""Draws rectangles of a photo whose pixels come from elsewhere, strip by strip.

The maps of a whole head are several times the processor's cache; those of a strip stay in it.
"""

from collections.abc import Iterator

import cv2
import numpy as np

from device_agent.engine.arrays import Floats, Pixels
from device_agent.engine.warp.grid import BOX_UNIT, STEP, Box, NodeGrid

STRIP_PX = 64
"""Rows drawn at a time; a multiple of BOX_UNIT."""

PAIR = BOX_UNIT // STEP


class Resampler:
    """Brightness [h,w] and colour [h/2,w/2,2] of a photo.

    ``fine`` keeps detail of single pixels, such as grain and craquelure, at twice the time: half a pixel away short
    kernels keep none of it. The photo is enlarged once by a long kernel; there a short one is enough.
    """

    def __init__(self, luma: Pixels, chroma: Pixels, *, fine: bool) -> None:
        self.luma, self.chroma = luma, chroma
        self._fine = fine
        self._source = _twice(luma) if fine else luma

    def brightness(self, places: Floats, into: Pixels | None = None) -> Pixels:
        """Return the brightness at pixel positions [rows, columns, 2], ``into`` a picture of that size if any."""
        if not self._fine:
            return _remap(self._source, places, cv2.INTER_LINEAR, into)
        return _remap(self._source, places * np.float32(2), cv2.INTER_CUBIC, into)

    def draw(self, grid: NodeGrid, offset: Floats, moves: Floats, luma: Pixels, chroma: Pixels) -> None:
        """Draw into both planes what ``moves``, bool per node of ``grid``; its content lies ``offset`` away."""
        places = grid.places(offset)
        halves = places * np.float32(0.5) - np.float32(0.25)
        for strip in (part.beside(grid.box) for part in strips(moves)):
            self.brightness(grid.spread(places, strip), luma[strip.slices])
            half = strip.halved
            _remap(self.chroma, grid.spread(halves, half, STEP // 2), cv2.INTER_LINEAR, chroma[half.slices])


def strips(moves: Floats) -> Iterator[Box]:
    """Cut the true nodes and their neighbours into strips of whole pairs of cells, each as wide as it needs to be."""
    near = cv2.dilate(moves.astype(np.uint8), np.ones((3, 3), dtype=np.uint8))
    rows, columns = near.shape
    for top in range(0, rows, STRIP_PX // STEP):
        bottom = min(top + STRIP_PX // STEP, rows)
        seen = np.flatnonzero(near[top:bottom].max(axis=0))
        if len(seen) > 0:
            left = int(seen[0]) // PAIR * PAIR
            right = min(-(-(int(seen[-1]) + 1) // PAIR) * PAIR, columns)
            yield Box(left * STEP, top * STEP, (right - left) * STEP, (bottom - top) * STEP)


def _twice(picture: Pixels) -> Pixels:
    """Return the picture enlarged twice; every second pixel is its own: what does not move stays as it is."""
    height, width = picture.shape
    half = np.array([[0.5, 0.0, 0.0], [0.0, 0.5, 0.0]])
    flags = cv2.INTER_LANCZOS4 | cv2.WARP_INVERSE_MAP
    grown = cv2.warpAffine(picture, half, (2 * width, 2 * height), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(grown)


def _remap(picture: Pixels, places: Floats, kind: int, into: Pixels | None) -> Pixels:
    found = cv2.remap(picture, places, None, kind, dst=into, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[call-overload]
    return np.asarray(found)

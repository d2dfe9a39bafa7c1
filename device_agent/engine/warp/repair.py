"""Corrects the tones of the drawn mouth by the ``repair`` graph of a package: between the lips, and nowhere else.

The graph sees the inside of the mouth in cells of a millimetre, in units of the photo's own skin, and answers with a
small change of tone for each cell. The change is bounded, grown to the picture's size and laid on with the cover of
the hollow; detail that was drawn stays, because a millimetre holds none of it.
"""

from collections.abc import Callable
from typing import Protocol

import cv2
import numpy as np

from device_agent.engine.arrays import Floats, Pixels
from device_agent.engine.photo.portrait import Portrait
from device_agent.engine.stopwatch import Stopwatch
from device_agent.engine.warp.grid import Box
from device_agent.engine.warp.tones import GREY, measure_tones

CELLS_WIDE, CELLS_HIGH, CELL_MM = 64, 48, 1.0
ABOVE_MM = 14.0
"""The window reaches so far above the middle of the line of the lips."""

CHANGE_LIMIT = np.array([0.3, 0.6, 0.6], dtype=np.float32)
"""Largest change of Y, in brightness of the skin, and of U and V, in strength of the skin's colour."""

LEAST_LIGHT, LEAST_COLOUR = 20.0, 4.0
"""Units are at least these levels, so that a photo that is nearly black or grey does not blow up what is seen."""

Network = Callable[[Floats], Floats]
"""[1,4,48,64] -> [1,3,48,64]: the ``repair`` graph."""


class Repair(Protocol):
    """Whoever corrects a drawn mouth."""

    def mend(self, picture: Pixels, hollow: Floats, box: Box) -> Pixels:
        """Return ``picture`` YUV [h,w,3] of ``box`` (pixels of the frame), changed where ``hollow`` [h,w] covers."""
        ...


class Measure:
    """Window and units of one portrait."""

    def __init__(self, portrait: Portrait) -> None:
        tones, unit = measure_tones(portrait), portrait.px_per_mm
        light = max(float(tones.skin[0] - tones.dark[0]), LEAST_LIGHT)
        colour = float(np.linalg.norm(tones.skin[1:] - GREY))
        self.zero = np.array([tones.dark[0], GREY, GREY], dtype=np.float32)
        self.unit = np.array([light, *(2 * [max(colour, LEAST_COLOUR)])], dtype=np.float32)
        self.reach = np.array([light, colour, colour], dtype=np.float32)
        """What a change of 1 means, in levels: a grey photo stays grey."""
        left, top = portrait.lips.centre - unit * np.array([CELLS_WIDE * CELL_MM / 2, ABOVE_MM])
        size = unit * CELL_MM * np.array([CELLS_WIDE, CELLS_HIGH])
        self.window = Box(round(float(left)), round(float(top)), round(float(size[0])), round(float(size[1])))

    def cut(self, values: Floats, box: Box) -> Floats:
        """Return ``values`` [h,w,...] of ``box`` in the window, 0 where the box does not reach."""
        window = self.window
        whole = np.zeros((window.height, window.width, *values.shape[2:]), dtype=values.dtype)
        first = np.array([max(box.left, window.left), max(box.top, window.top)])
        last = np.array([
            min(box.left + box.width, window.left + window.width),
            min(box.top + box.height, window.top + window.height),
        ])  # fmt: skip
        if (last > first).all():
            both = Box(int(first[0]), int(first[1]), *(int(side) for side in last - first))
            whole[both.within(window).slices] = values[both.within(box).slices]
        return whole


def cells(picture: Floats | Pixels, hollow: Floats, zero: Floats, unit: Floats) -> Floats:
    """Return [4,48,64] of a window: Y, U, V in units, each times the cover, and the cover; means over cells."""
    lit = np.empty((*hollow.shape, 4), dtype=np.float32)
    np.multiply((picture - zero) / unit, hollow[..., None], out=lit[..., :3])
    lit[..., 3] = hollow
    small = cv2.resize(lit, (CELLS_WIDE, CELLS_HIGH), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(small.transpose(2, 0, 1))


def bounded(change: Floats, reach: Floats) -> Floats:
    """Return the change [48,64,3] in levels of what the graph answered [3,48,64]."""
    limited = np.clip(change.transpose(1, 2, 0), -CHANGE_LIMIT, CHANGE_LIMIT)
    return np.asarray(limited * reach, dtype=np.float32)


def grown(change: Floats, box: Box, window: Box) -> Floats:
    """Interpolate cells of the window to the pixels of ``box``."""
    scale = np.array([CELLS_WIDE / window.width, CELLS_HIGH / window.height])
    start = (np.array([box.left - window.left, box.top - window.top]) + 0.5) * scale - 0.5
    matrix = np.array([[scale[0], 0.0, start[0]], [0.0, scale[1], start[1]]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    found = cv2.warpAffine(change, matrix, (box.width, box.height), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(found)


def laid_on(picture: Pixels, change: Floats, hollow: Floats) -> Pixels:
    """Return ``picture`` [h,w,3] changed by ``change`` [h,w,3] as far as ``hollow`` [h,w] covers."""
    return np.asarray(np.clip(picture + change * hollow[..., None] + np.float32(0.5), 0, 255), dtype=np.uint8)


class MouthRepair:
    """Implements ``Repair`` for one portrait by a network; its time is counted as ``repair``, within ``warp``."""

    def __init__(self, network: Network, portrait: Portrait, watch: Stopwatch) -> None:
        self._network, self._watch = network, watch
        self._measure = Measure(portrait)

    def mend(self, picture: Pixels, hollow: Floats, box: Box) -> Pixels:
        """Ask the network and lay its bounded answer on the hollow; lips that touch are not looked at."""
        if not hollow.any():
            return picture
        with self._watch.stage("repair"):
            own = self._measure
            seen = cells(own.cut(picture, box), own.cut(hollow, box), own.zero, own.unit)
            change = bounded(self._network(seen[None])[0], own.reach)
            return laid_on(picture, grown(change, box, own.window), hollow)

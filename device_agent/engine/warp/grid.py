"""Rectangles of pixels, the coarse grid of nodes over them, and interpolation between both."""

from dataclasses import dataclass

import cv2
import numpy as np

from device_agent.engine.arrays import Floats

STEP = 4
"""Pixels between two nodes of the grid that motion is computed on; skin moves smoothly."""

BOX_UNIT = 2 * STEP
"""Rectangles consist of whole pairs of cells, so that the half-size colour planes have whole pixels."""


@dataclass(frozen=True)
class Box:
    """A rectangle of pixels."""

    left: int
    top: int
    width: int
    height: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """Rows and columns of the rectangle in a picture."""
        return slice(self.top, self.top + self.height), slice(self.left, self.left + self.width)

    @property
    def halved(self) -> "Box":
        """The same rectangle in a picture of half the size."""
        return Box(self.left // 2, self.top // 2, self.width // 2, self.height // 2)

    def within(self, outer: "Box") -> "Box":
        """The same rectangle, counted from the corner of ``outer``."""
        return Box(self.left - outer.left, self.top - outer.top, self.width, self.height)

    def beside(self, outer: "Box") -> "Box":
        """The rectangle that is counted from the corner of ``outer``, counted as ``outer`` is."""
        return Box(self.left + outer.left, self.top + outer.top, self.width, self.height)

    @property
    def cells(self) -> tuple[slice, slice]:
        """Rows and columns of the rectangle's nodes in the grid over the picture."""
        return Box(self.left // STEP, self.top // STEP, self.width // STEP, self.height // STEP).slices

    def wider(self, margin: int, limit: "Box") -> "Box":
        """The rectangle with ``margin`` pixels around it, cut off at ``limit``."""
        left, top = max(self.left - margin, limit.left), max(self.top - margin, limit.top)
        right = min(self.left + self.width + margin, limit.left + limit.width)
        bottom = min(self.top + self.height + margin, limit.top + limit.height)
        return Box(left, top, right - left, bottom - top)


def positions(width: int, height: int) -> Floats:
    """Return [height, width, 2]: x and y of each pixel, as OpenCV counts them."""
    return np.dstack(np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)))


def look_up(picture: Floats, place: Floats) -> Floats:
    """Interpolate ``picture`` at pixel positions [rows, columns, 2]; beyond its border lies the border."""
    found = cv2.remap(picture, place, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[call-overload]
    return np.asarray(found)


class NodeGrid:
    """The nodes over one rectangle of whole cells of a picture that is moved."""

    def __init__(self, box: Box) -> None:
        self.box = box
        columns, rows = box.width // STEP, box.height // STEP
        self.nodes = positions(columns, rows)
        first = np.array([box.left, box.top], dtype=np.float32) - np.float32((STEP + 1) / 2)
        self._ringed = positions(columns + 2, rows + 2) * np.float32(STEP) + first

    def places(self, offset: Floats) -> Floats:
        """Return where in the picture the content of each node comes from, [rows+2, columns+2, 2] pixels.

        ``offset`` says how far away that is; a ring of nodes around the rectangle continues its edge.
        """
        ringed = cv2.copyMakeBorder(offset, 1, 1, 1, 1, cv2.BORDER_REPLICATE)
        return np.asarray(cv2.add(ringed, self._ringed, dst=ringed))

    def spread(self, places: Floats, box: Box, step: int = STEP) -> Floats:
        """Return the places of each pixel of ``box``, whole cells of ``step`` pixels of the picture at that scale."""
        left, top = box.left // step - self.box.left // STEP, box.top // step - self.box.top // STEP
        part = places[top : top + box.height // step + 2, left : left + box.width // step + 2]
        grown = cv2.resize(part, None, fx=step, fy=step, interpolation=cv2.INTER_LINEAR)
        return np.asarray(grown[step:-step, step:-step])


def counted_from(places: Floats, corner: Box) -> Floats:
    """Return places [rows, columns, 2] of a picture as places of the part of it that begins at ``corner``."""
    return np.asarray(cv2.subtract(places, (corner.left, corner.top, 0, 0)))  # type: ignore[call-overload]


def box_around(nodes: Floats, limit: Box) -> Box | None:
    """Return the smallest rectangle of whole pairs of cells around the true ``nodes``, within ``limit``, if any."""
    rows, columns = np.flatnonzero(nodes.any(axis=1)), np.flatnonzero(nodes.any(axis=0))
    if len(rows) == 0:
        return None
    first = np.array([columns[0] - 1, rows[0] - 1]) * STEP // BOX_UNIT * BOX_UNIT
    last = -(-np.array([columns[-1] + 2, rows[-1] + 2]) * STEP // BOX_UNIT) * BOX_UNIT
    first = np.maximum(first, [limit.left, limit.top])
    last = np.minimum(last, [limit.left + limit.width, limit.top + limit.height])
    width, height = last - first
    return Box(int(first[0]), int(first[1]), int(width), int(height)) if min(width, height) > 0 else None


def smoothstep(value: Floats) -> Floats:
    """Rise from 0 at 0 to 1 at 1 without corners."""
    clipped = np.clip(value, 0.0, 1.0)
    return np.asarray(clipped * clipped * (3.0 - 2.0 * clipped), dtype=np.float32)


def rise(value: Floats) -> Floats:
    """Rise from 0 at 0 to 1 at 1 in a straight line."""
    return np.clip(value, np.float32(0.0), np.float32(1.0))

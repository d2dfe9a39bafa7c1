"""Square, rotated crops of a picture, and the way back from crop to picture coordinates.

Coordinates are continuous: the first pixel covers 0 to 1, so its centre is at 0.5.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from device_agent.engine.arrays import Floats, Pixels


@dataclass(frozen=True)
class Square:
    """A square in the picture: centre and side in pixels, turned clockwise by ``angle`` radians."""

    x: float
    y: float
    side: float
    angle: float = 0.0

    def to_picture(self, size: int, *, mirrored: bool = False) -> Floats:
        """Return the 2x3 matrix from crop pixels (``size`` a side) to picture pixels."""
        scale = self.side / size
        cos, sin = np.cos(self.angle) * scale, np.sin(self.angle) * scale
        flip = -1.0 if mirrored else 1.0
        half = size / 2
        matrix = np.array([[cos * flip, -sin, 0.0], [sin * flip, cos, 0.0]])
        matrix[:, 2] = np.array([self.x, self.y]) - matrix[:, :2] @ np.array([half, half])
        return matrix.astype(np.float32)

    def cut(self, picture: Pixels, size: int, *, mirrored: bool = False) -> Pixels:
        """Return the crop as ``size`` x ``size`` pixels; outside the picture is black."""
        shrink = self.side / size
        source, square = picture, self
        if shrink > 2:  # avoid aliasing: halve the picture until the crop is nearly one to one
            factor = 1.0 / (shrink / 1.5)
            source = cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
            square = Square(self.x * factor, self.y * factor, self.side * factor, self.angle)
        matrix = square.to_picture(size, mirrored=mirrored)
        matrix[:, 2] += matrix[:, :2].sum(axis=1) / 2 - 0.5  # OpenCV counts from pixel centres
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return np.asarray(cv2.warpAffine(source, matrix, (size, size), flags=flags), dtype=np.uint8)


def angle_between(start: Floats, end: Floats) -> float:
    """Return the angle of the line from ``start`` to ``end``; 0 is to the right, positive is clockwise."""
    return float(np.arctan2(end[1] - start[1], end[0] - start[0]))


def square_around(points: Floats, angle: float, grow: float) -> Square:
    """Return the turned square around ``points`` [n,2], its longest side times ``grow``."""
    cos, sin = np.cos(angle), np.sin(angle)
    turn = np.array([[cos, sin], [-sin, cos]])
    turned = points @ turn.T
    low, high = turned.min(axis=0), turned.max(axis=0)
    x, y = turn.T @ ((low + high) / 2)
    return Square(float(x), float(y), float((high - low).max()) * grow, angle)

"""Closed lips fit into each other in a wave; lips that part swing into arcs: the motion from one to the other.

Without it the wave of the closed line would stay in both edges, and an open mouth would look like torn paper.
"""

from dataclasses import dataclass, replace

import numpy as np

from device_agent.engine.arrays import Floats
from device_agent.engine.photo.lips import LipLine
from device_agent.engine.warp.grid import smoothstep

FULL_AT_MM = 5.0
"""Opening at which the edges are arcs."""

REACH_MM = 5.0
"""The lip's own skin follows over this distance from the edge."""

UPPER_SHARE, LOWER_SHARE = 0.5, 0.9
"""The upper lip keeps some of its bow."""

ARC_DEGREE = 2


@dataclass(frozen=True)
class Rounding:
    """Displacement in pixels of both layers at full rounding, [rows, columns, 2]."""

    upper: Floats
    lower: Floats
    _centre: tuple[int, int]
    _normal: Floats
    """Down across the mouth, in units of one per FULL_AT_MM."""

    @classmethod
    def of(cls, lips: LipLine, x: Floats, y: Floats, px_per_mm: float) -> "Rounding":
        """Fit arcs to the edges; a photo whose mouth is open already has its own."""
        along, across = lips.frame(*np.meshgrid(x, y))
        normal = np.array([-lips.axis[1], lips.axis[0]], dtype=np.float32)
        share = (UPPER_SHARE, LOWER_SHARE) if lips.closed else (0.0, 0.0)
        fields = []
        for edge, part in zip((lips.upper, lips.lower), share, strict=True):
            change = np.interp(along, lips.along, _to_arc(lips, edge) * part, left=0.0, right=0.0)
            reach = (across - np.interp(along, lips.along, edge)) / (REACH_MM * px_per_mm)
            fields.append(((change * np.exp(-0.5 * reach * reach))[..., None] * normal).astype(np.float32))
        centre = (int(np.abs(y - lips.centre[1]).argmin()), int(np.abs(x - lips.centre[0]).argmin()))
        return cls(fields[0], fields[1], centre, normal / np.float32(FULL_AT_MM * px_per_mm))

    def times(self, strength: Floats) -> "Rounding":
        """Return the same, weaker by ``strength`` [rows, columns, 1]."""
        return replace(self, upper=self.upper * strength, lower=self.lower * strength)

    def at(self, upper: Floats, lower: Floats) -> Floats:
        """Return how far the edges are rounded (0..1) when the layers are displaced like this."""
        return smoothstep((lower[self._centre] - upper[self._centre]) @ self._normal)


def arc_of(lips: LipLine, edge: Floats) -> Floats:
    """Return the arc that is nearest to an edge, [SAMPLES]."""
    place = lips.along / lips.half_width
    return np.asarray(np.polyval(np.polyfit(place, edge, ARC_DEGREE), place), dtype=np.float32)


def _to_arc(lips: LipLine, edge: Floats) -> Floats:
    """Return the way from the edge to its arc, nothing at the corners."""
    return (arc_of(lips, edge) - edge) * (1.0 - np.abs(lips.along / lips.half_width) ** 3)

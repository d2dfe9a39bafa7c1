"""From a map of motion in millimetres to the pixels of a photo: where does each pixel of the new picture come from?

Two layers move the skin: the upper one what lies above the lip line, the lower one what lies below. They may disagree
only between the corners of the mouth, where their difference is the opening; beyond the corners they are blended.
"""

from dataclasses import dataclass

import numpy as np

from device_agent.engine.arrays import Floats
from device_agent.engine.photo.portrait import Portrait
from device_agent.engine.warp.grid import BOX_UNIT, STEP, Box, look_up, positions, smoothstep
from device_agent.engine.warp.meeting import meeting_line
from device_agent.engine.warp.outline import head_strength
from device_agent.engine.warp.rounding import Rounding
from device_agent.engine.warp.surface import canonical_grid

ITERATIONS, MOUTH_ITERATIONS = 5, 8
"""Fixed-point steps from "where does it go" to "where does it come from"; each shrinks the error to a third. At the
corners of the mouth motion changes fast: further half steps are taken around them."""

SPARSE = 2
"""All steps but the last are taken at every second node of a row and column only."""

MOUTH_REACH = 1.3
"""Half the side of the rectangle of further steps, in halves of the mouth's width."""

BORDER_MM = 14.0
"""Motion fades to nothing over this distance from the border of the map: no seam."""

CORNER_FADE = 0.14
"""The opening fades out over this share of half the mouth's width, inside each corner."""

CORNER_BLEND_MM = 3.0
"""Width of the blend between the layers right at the corner; it widens outwards."""

CLOSING_REACH_MM, CLOSING_REACH_SHARE = 9.0, 1.5
"""Where an open photo's lips are moved to meet, skin around them follows over this distance, or this multiple of how
far the lip moves: less would fold the lip."""


@dataclass(frozen=True)
class Sources:
    """For each grid node, how far away (x, y in pixels) the layer's source lies."""

    upper: Floats
    lower: Floats


def face_box(portrait: Portrait, extent: Floats) -> Box:
    """Return the part of the frame that can move: the map's extent, within the photo, in whole grid cells."""
    x0, y0, x1, y1 = map(float, extent)
    mouth_depth = -10.0
    corners = np.array([[x, y, mouth_depth] for x in (x0, x1) for y in (y0, y1)])
    placed = portrait.to_canvas.apply(corners)[:, :2]
    low, high = np.floor(placed.min(axis=0)), np.ceil(placed.max(axis=0))
    canvas = portrait.canvas
    left, top = max(int(low[0]), canvas.left), max(int(low[1]), canvas.top)
    left, top = left + left % 2, top + top % 2
    width = (min(int(high[0]), canvas.right) - left) // BOX_UNIT * BOX_UNIT
    height = (min(int(high[1]), canvas.bottom) - top) // BOX_UNIT * BOX_UNIT
    return Box(left, top, max(width, BOX_UNIT), max(height, BOX_UNIT))


class MotionField:
    """The geometry of one portrait, computed once; ``sources`` is the work of one frame."""

    def __init__(self, portrait: Portrait, points: Floats, extent: Floats, opening_map: Floats) -> None:
        self.box = face_box(portrait, extent)
        self.x = self.box.left + STEP / 2 + STEP * np.arange(self.box.width // STEP, dtype=np.float32)
        self.y = self.box.top + STEP / 2 + STEP * np.arange(self.box.height // STEP, dtype=np.float32)
        uv = canonical_grid(portrait.landmarks, points, self.x, self.y)
        self._map_place = _map_position(uv, extent)
        self._strength = _twice(_fade(uv, extent) * head_strength(portrait, self.x, self.y))
        self._steep = _around_mouth(portrait, self.x, self.y)
        self._turn = (portrait.to_canvas.scale * portrait.to_canvas.rotation[:2, :2]).astype(np.float32)
        beyond, below = _layers(portrait, self.x, self.y)
        self._raised, self._lowered = _twice(beyond * below), _twice(beyond * (1.0 - below))
        self._nodes = positions(len(self.x), len(self.y))
        self._sparse, self._in_sparse = self._nodes[::SPARSE, ::SPARSE].copy(), self._nodes / np.float32(SPARSE)
        self._rest = opening_map * np.float32(portrait.rest_opening_mm)
        self._closing = [field * self._strength for field in self._close_lips(portrait)]
        self._rounding = Rounding.of(portrait.lips, self.x, self.y, portrait.px_per_mm).times(self._strength)

    def sources(self, motion: Floats) -> Sources:
        """Return where both layers come from under ``motion`` [4,64,64] in mm, relative to the photo as it is."""
        upper, lower = self._displacements(motion - self._rest)
        rounding = self._rounding.at(upper, lower)
        return Sources(
            self._invert(upper + self._rounding.upper * rounding + self._closing[0]),
            self._invert(lower + self._rounding.lower * rounding + self._closing[1]),
        )

    def _close_lips(self, portrait: Portrait) -> tuple[Floats, Floats]:
        """Return how both layers must move further so that the photo's lips meet at motion 0 all along an arc."""
        lips = portrait.lips
        nothing = np.zeros((*self._nodes.shape[:2], 2), dtype=np.float32)
        if lips.closed:
            return nothing, nothing
        normal = np.array([-lips.axis[1], lips.axis[0]], dtype=np.float32)
        upper, lower = (
            edge + look_up(layer @ normal, self._cells(lips.place(lips.along, edge))).ravel()
            for edge, layer in zip((lips.upper, lips.lower), self._displacements(-self._rest), strict=True)
        )
        line = meeting_line(upper, lower, lips.along / lips.half_width)
        along, across = lips.frame(*np.meshgrid(self.x, self.y))
        fields = []
        for edge, way in ((lips.upper, line - upper), (lips.lower, line - lower)):
            fall = np.interp(along, lips.along, way, left=0.0, right=0.0)
            far = max(CLOSING_REACH_MM * portrait.px_per_mm, CLOSING_REACH_SHARE * float(np.abs(fall).max()))
            reach = (across - np.interp(along, lips.along, edge)) / far
            fields.append(((fall * np.exp(-0.5 * reach * reach))[..., None] * normal).astype(np.float32))
        return fields[0], fields[1]

    def _cells(self, place: tuple[Floats, Floats]) -> Floats:
        """Return picture positions as a row of positions on the grid of nodes."""
        return np.dstack([(place[0] - self.x[0]) / STEP, (place[1] - self.y[0]) / STEP]).astype(np.float32)

    def _displacements(self, motion: Floats) -> tuple[Floats, Floats]:
        layers, sides = motion.reshape(2, 2, -1), motion.shape[1:]
        pixels = (self._turn @ layers).reshape(4, *sides).transpose(1, 2, 0)
        upper, lower = _halves(look_up(np.ascontiguousarray(pixels), self._map_place))
        apart = lower - upper
        return (upper + apart * self._raised) * self._strength, (lower - apart * self._lowered) * self._strength

    def _invert(self, forward: Floats) -> Floats:
        cells = forward * np.float32(1 / STEP)
        back = -cells[::SPARSE, ::SPARSE]
        for _ in range(ITERATIONS - 1):
            back = -look_up(cells, self._sparse + back)
        back = -look_up(cells, self._nodes + look_up(back, self._in_sparse))
        rows, columns = self._steep
        for _ in range(MOUTH_ITERATIONS):
            near = back[rows, columns]
            back[rows, columns] = (near - look_up(cells, self._nodes[rows, columns] + near)) / 2
        return np.asarray(back * np.float32(STEP))


def _around_mouth(portrait: Portrait, x: Floats, y: Floats) -> tuple[slice, slice]:
    """Return rows and columns of the nodes around the mouth."""
    reach = MOUTH_REACH * portrait.lips.half_width
    columns = np.searchsorted(x, portrait.lips.centre[0] + np.array([-reach, reach]))
    rows = np.searchsorted(y, portrait.lips.centre[1] + np.array([-reach, reach]))
    return slice(int(rows[0]), int(rows[1])), slice(int(columns[0]), int(columns[1]))


def _map_position(uv: Floats, extent: Floats) -> Floats:
    """Position in the 64x64 map, counted between cell centres as OpenCV does."""
    x0, y0, x1, y1 = map(float, extent)
    corner, size = np.array([x0, y0]), np.array([x1 - x0, y1 - y0])
    return np.asarray((uv - corner) / size * 64 - 0.5, dtype=np.float32)


def _fade(uv: Floats, extent: Floats) -> Floats:
    x0, y0, x1, y1 = map(float, extent)
    inside = np.minimum.reduce([uv[..., 0] - x0, x1 - uv[..., 0], uv[..., 1] - y0, y1 - uv[..., 1]])
    return smoothstep(inside / BORDER_MM)


def _layers(portrait: Portrait, x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Return, per node: how far it is beyond the corners (0..1), and how far it belongs below the lip line (0..1)."""
    lips = portrait.lips
    along, across = lips.frame(*np.meshgrid(x, y))
    upper, lower = lips.heights(along)
    beyond = smoothstep((np.abs(along) / lips.half_width - (1 - CORNER_FADE)) / CORNER_FADE)
    outside = np.maximum(np.abs(along) - lips.half_width, 0)
    blend = CORNER_BLEND_MM * portrait.px_per_mm + outside
    below = smoothstep((across - (upper + lower) / 2) / (2 * blend) + 0.5)
    return beyond, below


def _twice(weights: Floats) -> Floats:
    """Repeat [rows, columns] for x and y: products of equal shapes are several times faster."""
    return np.repeat(np.asarray(weights, dtype=np.float32)[..., None], 2, axis=-1)


def _halves(pairs: Floats) -> tuple[Floats, Floats]:
    """Split [rows, columns, 4] into two of two channels, each in one piece of memory; two floats are moved as one."""
    rows, columns = pairs.shape[:2]
    doubled = pairs.view(np.float64)
    first, second = (np.ascontiguousarray(doubled[..., half]).view(np.float32) for half in (0, 1))
    return first.reshape(rows, columns, 2), second.reshape(rows, columns, 2)

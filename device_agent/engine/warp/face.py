"""Draws one frame: the photo's face box moved by a map, the mouth composed of upper lip, lower lip and interior."""

import cv2
import numpy as np

from device_agent.engine.arrays import Floats, Pixels
from device_agent.engine.photo.portrait import Portrait
from device_agent.engine.warp.field import STEP, Box, MotionField, Sources, look_up
from device_agent.engine.warp.mouth import MouthInterior, signed_heights

EDGE_PX = 1.2
"""Softness of a lip's edge."""

CONTACT_PX = 2.0
"""Lips that are closer than this show no hollow between them."""

MOUTH_ABOVE_MM, MOUTH_BELOW_MM, MOUTH_BESIDE_MM = 14.0, 42.0, 4.0
"""How far the lips' inner edges may travel."""


class FaceWarp:
    """Moves one portrait. Everything that does not change from frame to frame is computed here."""

    def __init__(self, portrait: Portrait, points: Floats, extent: Floats, opening_map: Floats) -> None:
        self._field = MotionField(portrait, points, extent, opening_map)
        self.box = self._field.box
        self._photo = _cut(portrait.yuv, self.box)
        self._luma = np.ascontiguousarray(self._photo[..., 0])
        half = (self.box.width // 2, self.box.height // 2)
        self._chroma = cv2.resize(self._photo[..., 1:], half, interpolation=cv2.INTER_AREA)
        self._full_x, self._full_y = _positions(self.box.width, self.box.height)
        self._half_x, self._half_y = _positions(*half)
        pixel_x, pixel_y = self._full_x + self.box.left + 0.5, self._full_y + self.box.top + 0.5
        self._in_upper, self._in_lower = signed_heights(portrait.lips, pixel_x, pixel_y)
        self._node_lower = np.ascontiguousarray(self._in_lower[STEP // 2 :: STEP, STEP // 2 :: STEP])
        self._mouth = _mouth_box(portrait, self.box)
        rows, columns = _slices(self._mouth)
        self._interior = MouthInterior(portrait, pixel_x[rows, columns], pixel_y[rows, columns])

    def draw(self, motion: Floats) -> tuple[Pixels, Pixels]:
        """Return brightness [h,w] and colour [h/2,w/2,2] of the face box under ``motion`` [4,64,64] in mm."""
        sources = self._field.sources(motion)
        luma, chroma = self._skin(sources)
        mouth = self._compose_mouth(sources)
        rows, columns = _slices(self._mouth)
        luma[rows, columns] = mouth[..., 0]
        half_rows, half_columns = _halved(self._mouth)
        size = (self._mouth.width // 2, self._mouth.height // 2)
        chroma[half_rows, half_columns] = cv2.resize(mouth[..., 1:], size, interpolation=cv2.INTER_AREA)
        return luma, chroma

    def _skin(self, sources: Sources) -> tuple[Pixels, Pixels]:
        """Everything but the mouth: each node follows the layer that it belongs to."""
        inside = self._field.at_source(self._node_lower, sources.lower)
        offset = np.where((inside > 0)[..., None], sources.lower, sources.upper)
        full = cv2.resize(offset, (self.box.width, self.box.height), interpolation=cv2.INTER_LINEAR)
        half = cv2.resize(offset, (self.box.width // 2, self.box.height // 2), interpolation=cv2.INTER_LINEAR) / 2
        luma = look_up(self._luma, self._full_x + full[..., 0], self._full_y + full[..., 1])
        chroma = look_up(self._chroma, self._half_x + half[..., 0], self._half_y + half[..., 1])
        return luma, chroma

    def _compose_mouth(self, sources: Sources) -> Pixels:
        rows, columns = _slices(self._mouth)
        base_x, base_y = self._full_x[rows, columns], self._full_y[rows, columns]
        upper, in_upper = self._layer(sources.upper, self._in_upper, base_x, base_y)
        lower, in_lower = self._layer(sources.lower, self._in_lower, base_x, base_y)
        cover_upper = np.clip(in_upper / EDGE_PX + 0.5, 0.0, 1.0)
        cover_lower = np.clip(in_lower / EDGE_PX + 0.5, 0.0, 1.0)
        apart = np.clip(-(in_upper + in_lower) / CONTACT_PX, 0.0, 1.0)
        hollow = (1.0 - cover_upper) * (1.0 - cover_lower) * apart
        under = (1.0 - cover_upper) * cover_lower
        total = hollow + under + cover_upper + 1e-6
        interior = self._interior.colours(np.maximum(-in_upper, 0), np.maximum(-in_lower, 0))
        mixed = (
            upper * (cover_upper / total)[..., None]
            + lower * (under / total)[..., None]
            + interior * (hollow / total)[..., None]
        )
        return np.asarray(mixed + 0.5, dtype=np.uint8)

    def _layer(self, offset: Floats, inside: Floats, base_x: Floats, base_y: Floats) -> tuple[Pixels, Floats]:
        """Return the layer's pixels in the mouth box, and how far each lies inside its lip."""
        full = _grow(offset, self._mouth)
        x, y = base_x + full[..., 0], base_y + full[..., 1]
        return look_up(self._photo, x, y), look_up(inside, x, y)


def _grow(nodes: Floats, box: Box) -> Floats:
    """Interpolate the nodes of a whole-cell rectangle to its pixels, with one cell around for the edges."""
    left, top = box.left // STEP, box.top // STEP
    right, bottom = left + box.width // STEP, top + box.height // STEP
    part = nodes[top - 1 : bottom + 1, left - 1 : right + 1]
    grown = cv2.resize(part, None, fx=STEP, fy=STEP, interpolation=cv2.INTER_LINEAR)
    return np.asarray(grown[STEP:-STEP, STEP:-STEP])


def _positions(width: int, height: int) -> tuple[Floats, Floats]:
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return x, y


def _cut(picture: Pixels, box: Box) -> Pixels:
    return np.ascontiguousarray(picture[box.top : box.top + box.height, box.left : box.left + box.width])


def _slices(box: Box) -> tuple[slice, slice]:
    return slice(box.top, box.top + box.height), slice(box.left, box.left + box.width)


def _halved(box: Box) -> tuple[slice, slice]:
    return slice(box.top // 2, (box.top + box.height) // 2), slice(box.left // 2, (box.left + box.width) // 2)


def _mouth_box(portrait: Portrait, box: Box) -> Box:
    """The rectangle, in whole cells inside the face box and relative to it, in which the mouth can open."""
    lips, unit = portrait.lips, portrait.px_per_mm
    beside = lips.half_width + MOUTH_BESIDE_MM * unit
    low, high = float(lips.upper.min()) - MOUTH_ABOVE_MM * unit, float(lips.lower.max()) + MOUTH_BELOW_MM * unit
    normal = np.array([-lips.axis[1], lips.axis[0]])
    corners = np.array([lips.centre + a * lips.axis + b * normal for a in (-beside, beside) for b in (low, high)])
    corners -= np.array([box.left, box.top])
    cell = 2 * STEP
    first = np.clip(corners.min(axis=0) // cell * cell, cell, None)
    last = np.minimum(-(-corners.max(axis=0) // cell) * cell, np.array([box.width, box.height]) - cell)
    width, height = np.maximum(last - first, cell)
    return Box(int(first[0]), int(first[1]), int(width), int(height))

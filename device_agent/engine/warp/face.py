"""Draws one frame: the photo's face box moved by a map, the mouth composed of upper lip, lower lip and interior."""

from typing import NamedTuple

import cv2
import numpy as np

from device_agent.engine.arrays import Floats, Pixels
from device_agent.engine.compose import halve_colour
from device_agent.engine.life.schedule import Pose
from device_agent.engine.photo.portrait import Portrait
from device_agent.engine.warp.eyelids import Eyelids, put
from device_agent.engine.warp.field import MotionField, Sources
from device_agent.engine.warp.grid import BOX_UNIT, STEP, Box, NodeGrid, box_around, counted_from, look_up, positions
from device_agent.engine.warp.head import HeadField, head_box
from device_agent.engine.warp.held import HeadHolder, Held, far
from device_agent.engine.warp.mouth import MouthInterior, signed_heights
from device_agent.engine.warp.repair import Repair
from device_agent.engine.warp.resample import Resampler
from device_agent.engine.warp.softness import SHARPEST_PX, blur_px

EDGE_PX, EDGE_OF_BLUR = 1.2, 3.0
"""A lip's edge fades over this many pixels, or over this multiple of the photo's blur beyond SHARPEST_PX."""

ENLARGED = 1.3
"""A photo that is shown this much larger than it is has no detail of single pixels left to lose."""

SEAM_MM, SEAM_GONE_MM = 0.6, 3.0
"""The dark line between closed lips is this wide on either side; it is shadow and fades until they part so far."""

CONTACT_PX = 2.0
"""Lips that are closer than this show no hollow between them."""

NEAR_EDGE_PX = 2 * STEP
"""Pixels this near to a lip's edge are composed; all others belong to one layer alone."""

MOUTH_ABOVE_MM, MOUTH_BELOW_MM, MOUTH_BESIDE_MM = 14.0, 42.0, 4.0
"""How far the lips' inner edges may travel."""


STILL = Pose()


class _Moved(NamedTuple):
    """What the mouth of one frame is composed from."""

    sources: Sources
    """The face moved and the head held."""
    still: Sources
    """The face moved alone."""
    turn: Floats | None
    """Where the nodes of the head come from, where it is not held as in the photo."""
    tongue: float | None


class FaceWarp:
    """Moves one portrait. Everything that does not change from frame to frame is computed here.

    ``lively``: the head can be held differently and the eyes can blink; the box is then that of the head.
    ``repair`` corrects what was drawn between the lips.
    """

    def __init__(
        self,
        portrait: Portrait,
        points: Floats,
        extent: Floats,
        opening_map: Floats,
        *,
        lively: bool = False,
        repair: Repair | None = None,
    ) -> None:
        self._field = MotionField(portrait, points, extent, opening_map)
        self.box = head_box(portrait, self._field.box) if lively else self._field.box
        head = HeadField(portrait, self.box) if lively else None
        whole, inner = Box(0, 0, self.box.width, self.box.height), self._field.box.within(self.box)
        face = inner.wider(_cells(head.furthest()) if head is not None else 0, whole)
        self._border = _border(inner, face)
        self._photo = np.ascontiguousarray(portrait.yuv[self.box.slices])
        self._pixels = Resampler(
            np.ascontiguousarray(self._photo[..., 0]),
            halve_colour(self._photo),
            fine=portrait.canvas.scale_x < ENLARGED,
        )
        self._fine = portrait.canvas.scale_x < ENLARGED
        self._whole, self._face = NodeGrid(whole), NodeGrid(face)
        self._head = head
        self._holder = HeadHolder(head, self._pixels, self._whole, self._face)
        self._prepare_mouth(portrait, face)
        self._repair = repair
        eyes = portrait.eyes if lively else ()
        self._eyes = [Eyelids(eye, self._photo, self.box, portrait.px_per_mm) for eye in eyes]

    def _prepare_mouth(self, portrait: Portrait, face: Box) -> None:
        corner = np.array([self.box.left + face.left, self.box.top + face.top], dtype=np.float32) + np.float32(0.5)
        at = positions(face.width, face.height) + corner
        self._in_upper, self._in_lower = signed_heights(portrait.lips, at[..., 0], at[..., 1])
        nodes = self._face.nodes * np.float32(STEP) + (corner + np.float32((STEP - 1) / 2))
        self._node_upper, self._node_lower = signed_heights(portrait.lips, nodes[..., 0], nodes[..., 1])
        self._mouth = _mouth_box(portrait, self.box)
        self._can_open = np.zeros(nodes.shape[:2], dtype=bool)
        self._can_open[self._mouth.within(face).cells] = True
        at = at[self._mouth.within(face).slices]
        along, _ = portrait.lips.frame(at[..., 0], at[..., 1])
        inside = np.clip(1.0 - np.square(along / portrait.lips.half_width), 0.0, 1.0)
        self._seam = (SEAM_MM * portrait.px_per_mm * inside).astype(np.float32)
        self._seam_gone = 1.0 / (SEAM_GONE_MM * portrait.px_per_mm)
        self._edge = np.float32(max(EDGE_PX, EDGE_OF_BLUR * (blur_px(portrait) - SHARPEST_PX)))
        self._interior = MouthInterior(portrait, at[..., 0], at[..., 1])

    def draw(self, motion: Floats, pose: Pose = STILL, tongue: float | None = None) -> tuple[Pixels, Pixels]:
        """Return brightness [h,w] and colour [h/2,w/2,2] of the box under ``motion`` [4,64,64] in mm and a pose.

        ``tongue`` is as ``Gesture`` says.
        """
        return self.paint(self.sources(motion), pose, tongue)

    def apart(self, one: Pose, other: Pose) -> float:
        """Return how many pixels the head's points differ at most between two poses; lids do not count."""
        return 0.0 if self._head is None else self._head.apart(one, other)

    def sources(self, motion: Floats) -> Sources:
        """Return where both layers come from, the head held as in the photo; beyond the face nothing moves."""
        found = self._field.sources(motion)
        return Sources(
            *(cv2.copyMakeBorder(part, *self._border, cv2.BORDER_CONSTANT) for part in vars(found).values())
        )

    def paint(self, still: Sources, pose: Pose, tongue: float | None = None) -> tuple[Pixels, Pixels]:
        """Draw the box: the face moved by ``still``, the head held as ``pose`` says, in one resampling."""
        held = self._holder.at(pose)
        turn = None if held.luma is self._pixels.luma else held.turn[self._face.box.cells]
        sources = still
        if turn is not None:
            sources = Sources(*(turn + look_up(part, held.from_nodes) for part in vars(still).values()))
        in_upper = self._at_source(self._node_upper, sources.upper)
        in_lower = self._at_source(self._node_lower, sources.lower)
        offset = sources.lower.copy()
        cv2.copyTo(sources.upper, (in_upper > 0).astype(np.uint8), offset)
        luma, chroma = held.luma.copy(), held.chroma.copy()
        self._draw_skin(offset, turn, luma, chroma)
        if pose.lids > 0 and self._eyes:
            self._draw_eyes(held, offset, pose.lids, luma, chroma)
        near = (in_upper < NEAR_EDGE_PX) & ((in_lower < NEAR_EDGE_PX) | (in_upper > -NEAR_EDGE_PX))
        mouth = box_around(near & self._can_open, self._mouth.within(self._face.box))
        if mouth is not None:
            mouth = mouth.beside(self._face.box)
            moved = _Moved(sources, still, turn, tongue)
            put(self._compose_mouth(moved, mouth), luma, chroma, mouth)
        return luma, chroma

    def _at_source(self, values: Floats, source: Floats) -> Floats:
        """Return per node of the face the value [rows, columns] of ``values`` where its source lies."""
        return look_up(values, cv2.scaleAdd(source, 1 / STEP, self._face.nodes))

    def _draw_skin(self, offset: Floats, turn: Floats | None, luma: Pixels, chroma: Pixels) -> None:
        """Move everything but the mouth where the face is not at rest; each node follows the layer it belongs to."""
        moves = far(offset if turn is None else offset - turn)
        self._pixels.draw(self._face, offset, moves, luma, chroma)

    def _draw_eyes(self, held: Held, offset: Floats, lids: float, luma: Pixels, chroma: Pixels) -> None:
        whole = held.turn.copy()
        whole[self._face.box.cells] = offset
        places = self._whole.places(whole)
        for eye in self._eyes:
            colours = eye.draw(self._whole.spread(places, eye.box), lids)
            put(np.clip(colours + np.float32(0.5), 0, 255).astype(np.uint8), luma, chroma, eye.box)

    def _compose_mouth(self, moved: "_Moved", box: Box) -> Pixels:
        turn = moved.turn
        upper, in_upper = self._layer(moved.sources.upper, self._in_upper, box)
        lower, in_lower = self._layer(moved.sources.lower, self._in_lower, box)
        opening = max(0.0, -float((in_upper + in_lower).min()))
        seam = self._seam[box.within(self._mouth).slices] * min(opening * self._seam_gone, 1.0)
        in_upper, in_lower = in_upper - seam, in_lower - seam
        cover_upper = np.clip(in_upper / self._edge + 0.5, 0.0, 1.0)
        cover_lower = np.clip(in_lower / self._edge + 0.5, 0.0, 1.0)
        apart = np.clip(-(in_upper + in_lower) / CONTACT_PX, 0.0, 1.0)
        hollow = (1.0 - cover_upper) * (1.0 - cover_lower) * apart
        under = (1.0 - cover_upper) * cover_lower
        lips = np.asarray(cv2.blendLinear(upper, lower, cover_upper, under))
        shown = _around(hollow > 0, 0.0 if turn is None else float(np.abs(turn).max()))
        if shown is None:
            return lips
        here, inner = shown.slices, shown.beside(box)
        if turn is None:
            part = inner.within(self._mouth)
            interior = self._interior.colours(-in_upper[here], -in_lower[here], part, moved.tongue)
        else:
            interior = self._turned_interior(moved, turn, seam[here], inner)
        shares = (cover_upper + under)[here], hollow[here]
        lips[here] = cv2.blendLinear(lips[here], cv2.convertScaleAbs(interior), *shares)
        if self._repair is not None:
            lips[here] = self._repair.mend(lips[here], hollow[here], inner.beside(self.box))
        return lips

    def _turned_interior(self, moved: "_Moved", turn: Floats, seam: Floats, box: Box) -> Floats:
        """Paint the hollow as of the still head, whose skull its teeth are fixed to, and carry it with the turn."""
        in_upper = self._inside(self._in_upper, self._places(moved.still.upper, box)) - seam
        in_lower = self._inside(self._in_lower, self._places(moved.still.lower, box)) - seam
        colours = self._interior.colours(-in_upper, -in_lower, box.within(self._mouth), moved.tongue)
        return look_up(colours, counted_from(self._places(turn, box), box))

    def _inside(self, heights: Floats, places: Floats) -> Floats:
        """Return how far inside its lip each of ``places`` in the box lies."""
        return look_up(heights, counted_from(places, self._face.box))

    def _places(self, offset: Floats, box: Box) -> Floats:
        return self._face.spread(self._face.places(offset), box)

    def _layer(self, offset: Floats, inside: Floats, box: Box) -> tuple[Pixels, Floats]:
        """Return the layer's pixels in ``box``, and how far each lies inside its lip."""
        place = self._places(offset, box)
        pixels = look_up(self._photo, place)
        if self._fine:
            pixels[..., 0] = self._pixels.brightness(place)
        return pixels, self._inside(inside, place)


def _around(seen: Floats, margin: float) -> Box | None:
    """Return the rectangle of whole pairs of cells around the true pixels of ``seen`` with a margin, if any."""
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    if len(rows) == 0:
        return None
    left, top = (int(first) // BOX_UNIT * BOX_UNIT for first in (columns[0], rows[0]))
    right, bottom = (_cells(float(last) + 1) for last in (columns[-1], rows[-1]))
    return Box(left, top, right - left, bottom - top).wider(_cells(margin), Box(0, 0, seen.shape[1], seen.shape[0]))


def _cells(pixels: float) -> int:
    return -(-int(np.ceil(pixels)) // BOX_UNIT) * BOX_UNIT


def _border(inner: Box, outer: Box) -> tuple[int, int, int, int]:
    """Return how many nodes lie above, below, left and right of ``inner`` within ``outer``."""
    left, top = inner.left - outer.left, inner.top - outer.top
    right, bottom = outer.width - inner.width - left, outer.height - inner.height - top
    return top // STEP, bottom // STEP, left // STEP, right // STEP


def _mouth_box(portrait: Portrait, box: Box) -> Box:
    """The rectangle, in whole cells inside the face box and relative to it, in which the mouth can open."""
    lips, unit = portrait.lips, portrait.px_per_mm
    beside = lips.half_width + MOUTH_BESIDE_MM * unit
    low, high = float(lips.upper.min()) - MOUTH_ABOVE_MM * unit, float(lips.lower.max()) + MOUTH_BELOW_MM * unit
    normal = np.array([-lips.axis[1], lips.axis[0]])
    corners = np.array([lips.centre + a * lips.axis + b * normal for a in (-beside, beside) for b in (low, high)])
    corners -= np.array([box.left, box.top])
    first = np.maximum(corners.min(axis=0) // BOX_UNIT * BOX_UNIT, 0)
    last = np.minimum(-(-corners.max(axis=0) // BOX_UNIT) * BOX_UNIT, np.array([box.width, box.height]))
    width, height = np.maximum(last - first, 0)
    return Box(int(first[0]), int(first[1]), int(width), int(height))

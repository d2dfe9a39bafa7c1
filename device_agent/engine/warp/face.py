"""Draws one frame: the photo's face box moved by a map, the mouth composed of upper lip, lower lip and interior."""

import cv2
import numpy as np

from device_agent.engine.arrays import Floats, Pixels
from device_agent.engine.compose import halve_colour
from device_agent.engine.life.schedule import Pose
from device_agent.engine.photo.portrait import Portrait
from device_agent.engine.warp.eyelids import Eyelids, blend
from device_agent.engine.warp.field import MotionField, Sources
from device_agent.engine.warp.grid import BOX_UNIT, STEP, Box, box_around, grow, look_up, positions
from device_agent.engine.warp.head import HeadField, head_box
from device_agent.engine.warp.mouth import MouthInterior, signed_heights
from device_agent.engine.warp.repair import Repair
from device_agent.engine.warp.softness import SHARPEST_PX, blur_px

EDGE_PX, EDGE_OF_BLUR = 1.2, 3.0
"""A lip's edge fades over this many pixels, or over this multiple of the photo's blur beyond SHARPEST_PX."""

ENLARGED = 1.3
"""A photo that is shown this much larger than it is has no detail of single pixels left to lose."""

SEAM_MM, SEAM_GONE_MM = 0.6, 3.0
"""The dark line between closed lips is this wide on either side; it is shadow and fades until they part so far."""

CONTACT_PX = 2.0
"""Lips that are closer than this show no hollow between them."""

MOVED_PX = 0.05
"""Skin that moves less than this is left as it is."""

NEAR_EDGE_PX = 2 * STEP
"""Pixels this near to a lip's edge are composed; all others belong to one layer alone."""

MOUTH_ABOVE_MM, MOUTH_BELOW_MM, MOUTH_BESIDE_MM = 14.0, 42.0, 4.0
"""How far the lips' inner edges may travel."""


STILL = Pose()


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
        whole = Box(0, 0, self.box.width, self.box.height)
        self._whole, half = whole, whole.halved
        self._photo = np.ascontiguousarray(portrait.yuv[self.box.slices])
        self._luma = np.ascontiguousarray(self._photo[..., 0])
        self._chroma = halve_colour(self._photo)
        self._pixels, self._half_pixels = positions(whole.width, whole.height), positions(half.width, half.height)
        self._nodes = positions(whole.width // STEP, whole.height // STEP)
        x, y = self._pixels[..., 0] + self.box.left + 0.5, self._pixels[..., 1] + self.box.top + 0.5
        self._in_upper, self._in_lower = signed_heights(portrait.lips, x, y)
        node_x, node_y = (
            start + STEP / 2 + STEP * self._nodes[..., axis]
            for axis, start in enumerate((self.box.left, self.box.top))
        )
        self._node_upper, self._node_lower = signed_heights(portrait.lips, node_x, node_y)
        self._mouth = _mouth_box(portrait, self.box)
        along, _ = portrait.lips.frame(x[self._mouth.slices], y[self._mouth.slices])
        inside = np.clip(1.0 - np.square(along / portrait.lips.half_width), 0.0, 1.0)
        self._seam = (SEAM_MM * portrait.px_per_mm * inside).astype(np.float32)
        self._seam_gone = 1.0 / (SEAM_GONE_MM * portrait.px_per_mm)
        self._fine = portrait.canvas.scale_x < ENLARGED
        self._edge = np.float32(max(EDGE_PX, EDGE_OF_BLUR * (blur_px(portrait) - SHARPEST_PX)))
        self._interior = MouthInterior(portrait, x[self._mouth.slices], y[self._mouth.slices])
        self._repair = repair
        self._head = HeadField(portrait, self.box) if lively else None
        eyes = portrait.eyes if lively else ()
        self._eyes = [Eyelids(eye, self._photo, self.box, portrait.px_per_mm) for eye in eyes]

    def draw(self, motion: Floats, pose: Pose = STILL) -> tuple[Pixels, Pixels]:
        """Return brightness [h,w] and colour [h/2,w/2,2] of the box under ``motion`` [4,64,64] in mm and a pose."""
        return self.paint(self.sources(motion), pose)

    def sources(self, motion: Floats) -> Sources:
        """Return where both layers come from, the head held as in the photo; beyond the face nothing moves."""
        found = self._field.sources(motion)
        inner = self._field.box.within(self.box)
        if inner == self._whole:
            return found
        rows, columns = Box(*(side // STEP for side in vars(inner).values())).slices
        layers = []
        for part in (found.upper, found.lower):
            whole = np.zeros((*self._nodes.shape[:2], 2), dtype=np.float32)
            whole[rows, columns] = part
            layers.append(whole)
        return Sources(layers[0], layers[1])

    def paint(self, still: Sources, pose: Pose) -> tuple[Pixels, Pixels]:
        """Draw the box: the face moved by ``still``, the head held as ``pose`` says, in one resampling."""
        turn = self._head.at(pose) if self._head is not None and not pose.still else None
        sources = (
            still if turn is None else Sources(*(self._turned(part, turn) for part in (still.upper, still.lower)))
        )
        in_upper = self._at_source(self._node_upper, sources.upper)
        in_lower = self._at_source(self._node_lower, sources.lower)
        offset = np.where((in_upper > 0)[..., None], sources.upper, sources.lower)
        luma, chroma = self._luma.copy(), self._chroma.copy()
        self._draw_skin(offset, luma, chroma)
        for eye in self._eyes if pose.lids > 0 else ():
            blend(eye.draw(self._pixels[eye.box.slices] + grow(offset, eye.box), pose.lids), luma, chroma, eye.box)
        near = (in_upper < NEAR_EDGE_PX) & ((in_lower < NEAR_EDGE_PX) | (in_upper > -NEAR_EDGE_PX))
        mouth = box_around(near & self._in_mouth(near.shape), self._mouth)
        if mouth is not None:
            blend(self._compose_mouth(sources, still, turn, mouth), luma, chroma, mouth)
        return luma, chroma

    def _turned(self, part: Floats, turn: Floats) -> Floats:
        """A turned head's pixel shows what the still head shows where the turn brings it from."""
        return np.asarray(turn + look_up(part, self._nodes + turn / STEP))

    def _at_source(self, values: Floats, source: Floats) -> Floats:
        """Return per node the value [rows, columns] of ``values`` where its source lies."""
        return look_up(values, self._nodes + source / STEP)

    def _in_mouth(self, shape: tuple[int, ...]) -> Floats:
        inside = np.zeros(shape, dtype=bool)
        rows, columns = Box(*(side // STEP for side in vars(self._mouth).values())).slices
        inside[rows, columns] = True
        return inside

    def _draw_skin(self, offset: Floats, luma: Pixels, chroma: Pixels) -> None:
        """Move everything but the mouth; each node follows the layer that it belongs to."""
        moves = (np.abs(offset[..., 0]) > MOVED_PX) | (np.abs(offset[..., 1]) > MOVED_PX)
        moved = box_around(moves, self._whole)
        if moved is None:
            return
        place = grow(offset, moved)
        place += self._pixels[moved.slices]
        luma[moved.slices] = look_up(self._luma, place, fine=self._fine)
        half = moved.halved
        place = grow(offset / 2, half, STEP // 2)
        place += self._half_pixels[half.slices]
        chroma[half.slices] = look_up(self._chroma, place)

    def _compose_mouth(self, sources: Sources, still: Sources, turn: Floats | None, box: Box) -> Floats | Pixels:
        upper, in_upper = self._layer(sources.upper, self._in_upper, box)
        lower, in_lower = self._layer(sources.lower, self._in_lower, box)
        opening = max(0.0, -float((in_upper + in_lower).min()))
        seam = self._seam[box.within(self._mouth).slices] * min(opening * self._seam_gone, 1.0)
        in_upper, in_lower = in_upper - seam, in_lower - seam
        cover_upper = np.clip(in_upper / self._edge + 0.5, 0.0, 1.0)
        cover_lower = np.clip(in_lower / self._edge + 0.5, 0.0, 1.0)
        apart = np.clip(-(in_upper + in_lower) / CONTACT_PX, 0.0, 1.0)
        hollow = (1.0 - cover_upper) * (1.0 - cover_lower) * apart
        under = (1.0 - cover_upper) * cover_lower
        if turn is None:
            interior = self._interior.colours(-in_upper, -in_lower, box.within(self._mouth))
        else:
            interior = self._turned_interior(still, turn, seam, box)
        lips = cv2.blendLinear(upper, lower, cover_upper, under)
        picture = np.asarray(cv2.blendLinear(lips, cv2.convertScaleAbs(interior), cover_upper + under, hollow))
        if self._repair is None:
            return picture
        place = Box(box.left + self.box.left, box.top + self.box.top, box.width, box.height)
        return self._repair.mend(picture, hollow, place)

    def _turned_interior(self, still: Sources, turn: Floats, seam: Floats, box: Box) -> Floats:
        """Paint the hollow as of the still head, whose skull its teeth are fixed to, and carry it with the turn."""
        in_upper = look_up(self._in_upper, self._pixels[box.slices] + grow(still.upper, box)) - seam
        in_lower = look_up(self._in_lower, self._pixels[box.slices] + grow(still.lower, box)) - seam
        colours = self._interior.colours(-in_upper, -in_lower, box.within(self._mouth))
        return look_up(colours, positions(box.width, box.height) + grow(turn, box))

    def _layer(self, offset: Floats, inside: Floats, box: Box) -> tuple[Pixels, Floats]:
        """Return the layer's pixels in ``box``, and how far each lies inside its lip."""
        place = self._pixels[box.slices] + grow(offset, box)
        pixels = look_up(self._photo, place)
        if self._fine:
            pixels[..., 0] = look_up(self._luma, place, fine=True)
        return pixels, look_up(inside, place)


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

"""Is the moved mouth sound, in numbers: does its motion fold, and how does the line of the closed lips run? Pure."""

import numpy as np

from device_agent.engine.arrays import Floats
from device_agent.engine.photo.portrait import Portrait
from device_agent.engine.warp.field import Sources
from device_agent.engine.warp.grid import STEP, Box, look_up
from device_agent.engine.warp.meeting import meeting_line
from device_agent.engine.warp.mouth import signed_heights

SEARCH_MM, FINENESS_MM = 9.0, 0.1
"""The closed line is looked for so far above and below the photo's, in such steps."""

CORNER_LEFT_OUT = 0.03
"""At the very corners the line is a point: this share of its length at either end has no slope."""


def least_area(portrait: Portrait, box: Box, sources: Sources) -> float:
    """Return the least share of its area that any visible spot of the photo keeps; 0 and less is a fold.

    It is one over the largest determinant of the map from the picture back to the photo, and negative where that
    map turns a spot over.
    """
    x, y = _nodes(box)
    heights = signed_heights(portrait.lips, x, y)
    places = np.dstack([(x - x[0, 0]) / STEP, (y - y[0, 0]) / STEP]).astype(np.float32)
    least = 1.0
    for source, height in zip((sources.upper, sources.lower), heights, strict=True):
        down, right = (np.asarray(change) for change in np.gradient(source / STEP, axis=(0, 1)))
        area = (1 + right[..., 0]) * (1 + down[..., 1]) - right[..., 1] * down[..., 0]
        shown = area[look_up(height.astype(np.float32), places + source / STEP) > 0]
        if shown.size:
            least = min(least, float(shown.min()) if shown.min() <= 0 else 1.0 / float(shown.max()))
    return least


def between_lips(portrait: Portrait, box: Box, sources: Sources) -> Floats:
    """Return for each pixel of ``box`` whether it lies in neither lip, bool [height, width]; to a node's fineness."""
    x, y = _nodes(box)
    heights = signed_heights(portrait.lips, x, y)
    places = np.dstack([(x - x[0, 0]) / STEP, (y - y[0, 0]) / STEP]).astype(np.float32)
    inside = [
        look_up(height.astype(np.float32), places + source / STEP)
        for source, height in zip((sources.upper, sources.lower), heights, strict=True)
    ]
    hollow = (inside[0] < 0) & (inside[1] < 0)
    return np.repeat(np.repeat(hollow, STEP, axis=0), STEP, axis=1)


def closed_line(portrait: Portrait, box: Box, sources: Sources) -> Floats:
    """Return the heights [SAMPLES] at which the moved upper lip ends, in mm across the mouth."""
    lips, unit = portrait.lips, portrait.px_per_mm
    x, y = _nodes(box)
    offsets = np.arange(-SEARCH_MM, SEARCH_MM, FINENESS_MM, dtype=np.float32)
    at_x, at_y = lips.place(lips.along, lips.upper[None] + offsets[:, None] * unit)
    source = look_up(sources.upper, np.dstack([(at_x - x[0, 0]) / STEP, (at_y - y[0, 0]) / STEP]).astype(np.float32))
    inside = signed_heights(lips, at_x + source[..., 0], at_y + source[..., 1])[0] > 0
    return np.asarray(lips.upper / unit - SEARCH_MM + FINENESS_MM * inside.sum(axis=0), dtype=np.float32)


def steepest_degrees(portrait: Portrait, line: Floats) -> float:
    """Return the largest slope of a closed line against the line from corner to corner: a hook is steep."""
    along = portrait.lips.along / portrait.px_per_mm
    ends = max(1, round(CORNER_LEFT_OUT * len(line)))
    inner = slice(ends, -ends)
    smooth = np.convolve(np.pad(line, 2, mode="edge"), np.ones(5) / 5, mode="valid")
    return float(np.degrees(np.arctan(np.abs(np.gradient(smooth, along)[inner]).max())))


def wave_mm(portrait: Portrait, line: Floats) -> float:
    """Return the root mean square of a closed line's way from the nearest arc."""
    arc = meeting_line(line, line, portrait.lips.along / portrait.lips.half_width)
    return float(np.sqrt(np.mean(np.square(line - arc))))


def _nodes(box: Box) -> tuple[Floats, Floats]:
    x = box.left + STEP / 2 + STEP * np.arange(box.width // STEP, dtype=np.float32)
    y = box.top + STEP / 2 + STEP * np.arange(box.height // STEP, dtype=np.float32)
    at_x, at_y = np.meshgrid(x, y)
    return at_x, at_y

"""Two rows of teeth as numbers: how wide each tooth is, how its edge runs, how the arch looks from where we stand.

Mean widths and edges of adult teeth after Nelson, "Wheeler's Dental Anatomy" (crown dimensions); the arch is a
parabola that passes 34 mm between the canines. Counted from the middle outwards; the two halves mirror each other.
"""

from dataclasses import dataclass

import numpy as np

from device_agent.engine.arrays import Floats
from device_agent.engine.photo.portrait import Portrait

ARCH_MM = 32.0
"""The arch lies x * x / ARCH_MM further back at x beside its middle."""

BEHIND_LIP_MM = 4.0
"""Teeth stand this far behind the lips, so a turned head shows them shifted."""

REACH_MM = 30.0
SAMPLES = 241
SQUARENESS = 4
"""Edges of teeth are flat and rounded at their ends: the power of the rounding."""


@dataclass(frozen=True)
class Row:
    """One jaw's teeth from the middle outwards, in mm."""

    widths: tuple[float, ...]
    edges: tuple[float, ...]
    """How far each tooth falls short of the first."""
    rounding: tuple[float, ...]
    """How far the ends of its edge fall short of its middle: the notch between two teeth."""


UPPER = Row(
    widths=(8.5, 6.5, 7.5, 7.0, 7.0, 10.0),
    edges=(0.0, 0.7, 0.1, 0.9, 1.4, 2.0),
    rounding=(0.45, 0.7, 1.2, 0.9, 0.8, 0.6),
)
LOWER = Row(
    widths=(5.0, 5.5, 7.0, 7.0, 7.0, 11.0),
    edges=(0.0, 0.0, -0.2, 0.6, 1.2, 1.6),
    rounding=(0.25, 0.3, 0.9, 0.8, 0.7, 0.6),
)


@dataclass(frozen=True)
class SeenRow:
    """A row of teeth for each position of a picture, all of the shape of the positions."""

    short: Floats
    """How far the edge falls short of that of the first tooth, mm."""
    within: Floats
    """Place in the tooth, -1..1 from end to end."""
    half_width: Floats
    """Half the width of the tooth that is seen there, mm."""
    back: Floats
    """How far back in the arch, mm."""
    drop: Floats
    """How much lower a nodding or leaning head shows this part of the arch, mm."""


def see_row(row: Row, portrait: Portrait, along_mm: Floats) -> SeenRow:
    """Return what of ``row`` shows at positions ``along_mm`` along the mouth, 0 below the nose."""
    x = np.linspace(-REACH_MM, REACH_MM, SAMPLES)
    seen_at, lower_by = _project(portrait, x)
    beside = np.interp(along_mm, *_facing(seen_at, x))
    tooth, within, half_width = _tooth_at(row, np.abs(beside))
    rounded = np.take(row.rounding, tooth) * np.abs(within) ** SQUARENESS
    return SeenRow(
        short=(np.take(row.edges, tooth) + rounded).astype(np.float32),
        within=within.astype(np.float32),
        half_width=half_width.astype(np.float32),
        back=(beside * beside / ARCH_MM).astype(np.float32),
        drop=np.interp(beside, x, lower_by).astype(np.float32),
    )


def _project(portrait: Portrait, x: Floats) -> tuple[Floats, Floats]:
    """Return where the arch shows along and across the mouth, relative to the lip before its middle, in mm."""
    turn, axis = portrait.to_canvas.rotation[:2], portrait.lips.axis
    arch = np.stack([x, np.zeros_like(x), BEHIND_LIP_MM + x * x / ARCH_MM])
    front = np.array([[0.0], [0.0], [BEHIND_LIP_MM]])
    along = axis @ turn @ arch
    across = np.array([-axis[1], axis[0]]) @ turn @ (arch - front)
    return along, across


def _facing(seen_at: Floats, x: Floats) -> tuple[Floats, Floats]:
    """Cut the arch to the part around its middle that faces us."""
    hidden = np.flatnonzero(np.diff(seen_at) <= 0)
    middle = len(x) // 2
    first = int(max((i + 1 for i in hidden if i < middle), default=0))
    last = int(min((i for i in hidden if i >= middle), default=len(x) - 1))
    return seen_at[first : last + 1], x[first : last + 1]


def _tooth_at(row: Row, beside: Floats) -> tuple[Floats, Floats, Floats]:
    """Return number, place within and half width of the tooth at ``beside`` mm from the middle."""
    ends = np.concatenate([[0.0], np.cumsum(row.widths)])
    steps = np.linspace(0.0, REACH_MM, SAMPLES)
    length = np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(steps), np.diff(steps * steps / ARCH_MM)))])
    arc = np.interp(beside, steps, length)
    tooth = np.clip(np.searchsorted(ends, arc, side="right") - 1, 0, len(row.widths) - 1)
    half = np.take(row.widths, tooth) / 2
    return tooth, np.clip((arc - ends[tooth]) / half - 1.0, -1.0, 1.0), half

"""Where the lips part in the photo: the inner edges of both lips as heights along the mouth.

The mouth has a frame of its own: ``along`` runs from the corner at the picture's left to the other, ``across`` down.
The face mesh knows the edges to a few pixels only; a closed mouth is refined to the dark line between the lips.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from device_agent.engine import canonical
from device_agent.engine.arrays import Floats, Pixels

UPPER_EDGE = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308)
LOWER_EDGE = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308)
SAMPLES = 97
CENTRE = slice(SAMPLES // 3, -(SAMPLES // 3))
"""The middle third of the mouth, where openings are measured."""

OPEN_MESH_MM = 2.6
"""The mesh reads 0.9 to 3.6 mm on closed mouths and half of the opening of open ones; below this it is believed."""

OPEN_EDGES_MM = 3.0
"""Above that, edges of lip colour at least this far apart must agree that the mouth is open."""

CORNER_SHARE = 0.15
"""Over this share of half the mouth's width the edges of an open mouth run together in a curve."""

DARK_FROM, DARK_BY = 0.55, 0.85
"""Between these shares of half the mouth's width an open mouth's middle goes over to the dark line between the lips:
the mesh misses the corners, the far one of a turned face by 4 mm."""

CLEAN_MM = 0.6
"""Next to an opening the picture mixes lip and tooth: the edges are set this far into the lips."""

STEP_MM = 0.15
LINE_SEARCH_MM = (-3.0, 3.0)
UPPER_SEARCH_MM = (-2.5, 2.0)
LOWER_SEARCH_MM = (-1.5, 4.0)
"""How far from the mesh's edge the true one is looked for; up is negative."""

STRAY_COST = 0.008
"""Cost of leaving the mesh's line, per square millimetre; contrast runs from 0 to 1."""

LOW_SEARCH_MM, LOW_STRAY_COST = (-1.5, 6.0), 0.004
"""The mesh loses the lower lip of an open mouth first: once a mouth is known to be open, it is looked for further."""

BEND_COST = 0.03
"""Cost of one search step up or down between neighbouring samples."""

INSIDE_SHARE, INSIDE_ROWS = (0.3, 0.7), 9
"""Which part of the gap is looked at, and by how many rows."""

LIP_AWAY_MM = (1.5, 4.0)
"""Where the lips are looked at, above and below the mesh's edges."""

LIP_BRIGHTNESS = (0.72, 1.35)
"""Brightness of what lies between the edges, in shares of the lip's, that may still be lip."""

CLEARLY_DARKER = 0.8
"""A line away from the mesh's middle is taken when it has at most this share of the brightness there."""

MIN_COLOUR_CONTRAST = 4.0
"""Lip colour (V of YUV) must change by this much for its edges to be used."""


@dataclass(frozen=True)
class LipLine:
    """Inner lip edges in picture pixels."""

    centre: Floats
    axis: Floats
    """Unit vector along the mouth."""
    half_width: float
    along: Floats
    """[SAMPLES] positions from corner to corner."""
    upper: Floats
    """[SAMPLES] height of the upper lip's inner edge, down is positive."""
    lower: Floats
    """The same for the lower lip; equal to ``upper`` when the mouth is closed."""

    @property
    def closed(self) -> bool:
        """Whether the lips touch in the photo."""
        return bool(np.array_equal(self.upper, self.lower))

    def frame(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        """Return (along, across) of picture positions."""
        dx, dy = x - self.centre[0], y - self.centre[1]
        return dx * self.axis[0] + dy * self.axis[1], dy * self.axis[0] - dx * self.axis[1]

    def place(self, along: Floats, across: Floats) -> tuple[Floats, Floats]:
        """Return picture positions (x, y) of positions in the mouth's frame; the opposite of ``frame``."""
        x = self.centre[0] + along * self.axis[0] - across * self.axis[1]
        y = self.centre[1] + along * self.axis[1] + across * self.axis[0]
        return np.asarray(x, dtype=np.float32), np.asarray(y, dtype=np.float32)

    def heights(self, along: Floats) -> tuple[Floats, Floats]:
        """Return the heights of the upper and lower edge at ``along``; level beyond the corners."""
        return (
            np.interp(along, self.along, self.upper).astype(np.float32),
            np.interp(along, self.along, self.lower).astype(np.float32),
        )


def find_lip_line(yuv: Pixels, landmarks: Floats, px_per_mm: float) -> LipLine:
    """Measure the lip line in the picture [height, width, 3] (YUV) in which ``landmarks`` lie."""
    corners = landmarks[[canonical.RIGHT_CORNER, canonical.LEFT_CORNER], :2]
    span = corners[1] - corners[0]
    half = float(np.linalg.norm(span)) / 2
    line = LipLine(corners.mean(axis=0), span / (2 * half), half, *_flat(half))
    upper, lower = (_edge(line, landmarks[list(index), :2]) for index in (UPPER_EDGE, LOWER_EDGE))
    strip = _Strip(yuv, line, px_per_mm)
    if strip.gap_mm(upper, lower) > OPEN_MESH_MM and strip.shows_inside(upper, lower):
        mesh_lower = lower
        upper, lower = strip.colour_edges(upper, lower)
        if strip.gap_mm(upper, lower) > OPEN_EDGES_MM:
            clean = CLEAN_MM * px_per_mm
            upper, lower = upper - clean, strip.low_edge(mesh_lower) + clean
            dark = strip.dark_line((upper + lower) / 2)
            return LipLine(line.centre, line.axis, half, line.along, *_meeting_at_corners(line, upper, lower, dark))
    seam = strip.darkest_line((upper, (upper + lower) / 2, lower))
    return LipLine(line.centre, line.axis, half, line.along, seam, seam)


def _meeting_at_corners(line: LipLine, upper: Floats, lower: Floats, dark: Floats) -> tuple[Floats, Floats]:
    middle, half_gap = (upper + lower) / 2, np.maximum(lower - upper, 0) / 2
    out = np.abs(line.along) / line.half_width
    to_dark = np.clip((out - DARK_FROM) / (DARK_BY - DARK_FROM), 0, 1)
    middle = _smooth(middle + (dark - middle) * to_dark)
    inwards = np.clip((1 - out) / CORNER_SHARE, 0, 1)
    half_gap = half_gap * np.sqrt(1 - np.square(1 - inwards))
    return middle - half_gap, middle + half_gap


def _flat(half: float) -> tuple[Floats, Floats, Floats]:
    zeros = np.zeros(SAMPLES, dtype=np.float32)
    return np.linspace(-half, half, SAMPLES, dtype=np.float32), zeros, zeros


def _edge(line: LipLine, points: Floats) -> Floats:
    along, across = line.frame(points[:, 0], points[:, 1])
    along = np.concatenate([[-line.half_width], along, [line.half_width]])
    across = np.concatenate([[0.0], across, [0.0]])
    order = np.argsort(along, kind="stable")
    heights = np.interp(line.along, along[order], across[order]).astype(np.float32)
    return _smooth(heights)


def _smooth(heights: Floats) -> Floats:
    return np.asarray(cv2.GaussianBlur(heights[None], (0, 0), 2.0, borderType=cv2.BORDER_REPLICATE)[0])


class _Strip:
    """The picture around the mouth, sampled across it at each position along it."""

    def __init__(self, yuv: Pixels, line: LipLine, px_per_mm: float) -> None:
        self._yuv, self._line, self._unit = yuv, line, px_per_mm

    def gap_mm(self, upper: Floats, lower: Floats) -> float:
        """Return the distance between two edges in the middle of the mouth."""
        return float(np.median((lower - upper)[CENTRE])) / self._unit

    def shows_inside(self, upper: Floats, lower: Floats) -> bool:
        """Say whether something else than lip lies between two edges: redness or brightness differ from the lips.

        Under a moustache the mesh takes the upper lip for an open mouth. Of the bands above and below, the redder one
        is lip: the other may be a moustache, or teeth that the mesh left out.
        """
        gap, row = lower - upper, np.linspace(*INSIDE_SHARE, INSIDE_ROWS, dtype=np.float32)[:, None]
        away = np.linspace(*LIP_AWAY_MM, INSIDE_ROWS, dtype=np.float32)[:, None] * self._unit
        inside = self._look(upper + gap * row)
        lip = max(self._look(upper - away), self._look(lower + away), key=lambda colour: float(colour[2]))
        redder = float(lip[2] - inside[2])
        ratio = float(inside[0] / max(lip[0], 1.0))
        return redder > MIN_COLOUR_CONTRAST or not LIP_BRIGHTNESS[0] < ratio < LIP_BRIGHTNESS[1]

    def _look(self, heights: Floats) -> Floats:
        """Median colour (Y, U, V) at heights [rows, SAMPLES] of the middle third."""
        x, y = self._line.place(self._line.along, heights)
        strip = cv2.remap(self._yuv, x[:, CENTRE] - 0.5, y[:, CENTRE] - 0.5, cv2.INTER_LINEAR)
        return np.asarray(np.median(strip.reshape(-1, 3), axis=0))

    def darkest_line(self, guesses: Sequence[Floats]) -> Floats:
        """Return the darkest of the lines near several guesses; the mesh's own middle wins a tie."""
        lines = [self.dark_line(guess) for guess in guesses]
        middle = lines[len(lines) // 2]
        dark = [float(self._look(line[None])[0]) for line in lines]
        best = int(np.argmin(dark))
        return lines[best] if dark[best] < CLEARLY_DARKER * float(self._look(middle[None])[0]) else middle

    def dark_line(self, guess: Floats) -> Floats:
        """Find the line between closed lips: the darkest smooth path near ``guess``."""
        offsets, brightness = self._sample(guess, LINE_SEARCH_MM, channel=0)
        return self._follow(guess, offsets, brightness / max(float(np.ptp(brightness)), 1.0), STRAY_COST)

    def colour_edges(self, upper: Floats, lower: Floats) -> tuple[Floats, Floats]:
        """Move both edges to where the lips' red ends; in black-and-white photos to where brightness changes most."""
        return (
            self._colour_edge(upper, UPPER_SEARCH_MM, STRAY_COST, inwards=1.0),
            self._colour_edge(lower, LOWER_SEARCH_MM, STRAY_COST, inwards=-1.0),
        )

    def low_edge(self, lower: Floats) -> Floats:
        """Move the mesh's lower edge of an open mouth likewise, from further away."""
        return self._colour_edge(lower, LOW_SEARCH_MM, LOW_STRAY_COST, inwards=-1.0)

    def _colour_edge(self, edge: Floats, search: tuple[float, float], stray: float, *, inwards: float) -> Floats:
        offsets, red = self._sample(edge, search, channel=2)
        rise = np.gradient(red, axis=0) * inwards
        if float(np.ptp(red[:, CENTRE])) < MIN_COLOUR_CONTRAST:
            offsets, brightness = self._sample(edge, search, channel=0)
            rise = -np.abs(np.gradient(brightness, axis=0))
        return self._follow(edge, offsets, rise / max(float(np.abs(rise).max()), 1e-3), stray)

    def _sample(self, guess: Floats, search: tuple[float, float], channel: int) -> tuple[Floats, Floats]:
        """Return offsets in mm and one channel [offsets, SAMPLES] around the heights ``guess``."""
        line = self._line
        offsets = np.arange(search[0], search[1] + STEP_MM / 2, STEP_MM, dtype=np.float32)
        x, y = line.place(line.along, guess[None] + offsets[:, None] * self._unit)
        picture = np.ascontiguousarray(self._yuv[..., channel])
        strip = cv2.remap(picture, x - 0.5, y - 0.5, cv2.INTER_LINEAR)
        return offsets, np.asarray(cv2.GaussianBlur(strip.astype(np.float32), (0, 0), 1.2))

    def _follow(self, guess: Floats, offsets: Floats, cost: Floats, stray: float) -> Floats:
        path = _cheapest_path(cost + stray * np.square(offsets)[:, None])
        return _smooth(guess + offsets[path] * np.float32(self._unit))


def _cheapest_path(cost: Floats) -> Floats:
    """Return the row of each column on the path of least cost; one step changes the row by at most one."""
    rows, columns = cost.shape
    total = cost[:, 0].copy()
    origin = np.zeros((columns, rows), dtype=np.int64)
    for column in range(1, columns):
        padded = np.pad(total, 1, constant_values=np.inf)
        options = np.stack([padded[:-2] + BEND_COST, padded[1:-1], padded[2:] + BEND_COST])
        best = options.argmin(axis=0)
        origin[column] = np.arange(rows) + best - 1
        total = options[best, np.arange(rows)] + cost[:, column]
    path = np.empty(columns, dtype=np.int64)
    path[-1] = int(total.argmin())
    for column in range(columns - 1, 0, -1):
        path[column - 1] = origin[column, path[column]]
    return path

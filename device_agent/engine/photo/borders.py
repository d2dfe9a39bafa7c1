"""Cuts off the paper around a scanned photo: the white border of a print, the scanner's lid beside it.

Paper is one tone up to a straight edge. A white wall behind somebody's head is one tone too, but its edge is the
head's: not straight, so it stays.
"""

import cv2
import numpy as np

from device_agent.engine.arrays import Floats, Pixels

SEARCH_SIDE = 512
"""Pixels of the longer side in which is searched."""

LIGHTEST_DARK, DARKEST_PAPER = 26.0, 205.0
"""Borders are white or yellowed paper (brightness above the second) or black (below the first)."""

EVEN = 7.0
"""Steps of 255 by which a border's pixels may stray from its tone."""

EVEN_SHARE, EDGE_SHARE = 0.97, 0.6
"""Of a border's line this share is its tone; of the first line of the photo this share is not."""

EDGE_LINES = 3
"""A soft edge takes so many lines of the small picture."""

MIN_SHARE, MAX_SHARE = 0.008, 0.4
"""Of the picture's side, what a border may take; less is not seen, more is no border."""

INSET_SHARE = 0.004
"""The photo begins this much inside its edge."""


def find_borders(photo: Pixels) -> tuple[int, int, int, int]:
    """Return how many pixels of border the photo [height, width, 3] has: left, top, right, bottom."""
    scale = min(SEARCH_SIDE / max(photo.shape[:2]), 1.0)
    small = cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA).astype(np.float32)
    sides = [small.transpose(1, 0, 2), small, small[:, ::-1].transpose(1, 0, 2), small[::-1]]
    found = [_border(side) for side in sides]
    lengths = (small.shape[1], small.shape[0]) * 2
    inset = INSET_SHARE * SEARCH_SIDE
    left, top, right, bottom = (
        round((lines + inset) / scale) if lines > MIN_SHARE * length else 0
        for lines, length in zip(found, lengths, strict=True)
    )
    return left, top, right, bottom


def cut_borders(photo: Pixels) -> Pixels:
    """Return the photo without its borders; one that has none is returned as it is."""
    left, top, right, bottom = find_borders(photo)
    if not (left or top or right or bottom):
        return photo
    rows, columns = photo.shape[:2]
    return np.ascontiguousarray(photo[top : rows - bottom, left : columns - right])


def _border(side: Floats) -> int:
    """Return how many of the first lines of ``side`` [lines, length, 3] are border; 0 when unsure."""
    tone = np.median(side[0], axis=0)
    brightness = float(tone.mean())
    if LIGHTEST_DARK < brightness < DARKEST_PAPER:
        return 0
    own = (np.abs(side - tone).max(axis=2) <= EVEN).mean(axis=1)
    lines = int(np.argmin(own >= EVEN_SHARE)) if (own < EVEN_SHARE).any() else len(side)
    if lines > MAX_SHARE * len(side):
        return 0
    beyond = own[lines : lines + EDGE_LINES]
    return lines + int(beyond.argmin()) if float(beyond.min()) <= 1.0 - EDGE_SHARE else 0

"""Finds the photographed print: the one large quadrilateral with straight edges all round, and sets it upright.

Edges are looked for in a small picture (Canny, IEEE PAMI 8(6), 1986); a quadrilateral counts only if it is large,
nearly rectangular, well inside the picture, and if brightness or colour changes along nearly all of its four sides.
When in doubt the picture stays as it is: a border too many is nothing, a lost ear is.
"""

import cv2
import numpy as np

from device_agent.engine.arrays import Floats, Pixels

SEARCH_SIDE = 512
"""Pixels of the longer side in which is searched."""

MIN_AREA, MAX_AREA = 0.25, 0.97
"""Of the picture."""

MAX_CORNER_COSINE = 0.35
"""Corners from 70 to 110 degrees."""

MIN_OUTSIDE_SHARE = 0.012
"""Every side lies at least so far (of the search side) within the picture: its own border is no print's edge."""

MIN_CONTRAST = 14.0
"""Steps of 255 between both sides of an edge, in the channel where it is most."""

MIN_EDGE_SHARE = 0.88
"""Of each side's length must show that contrast."""

PROBE_PX, PROBES = 4.0, 48
INSET_SHARE = 0.004
"""The rectified picture begins this much inside the edge."""

EDGE_LEVELS = ((30, 90), (60, 160))


def find_print(photo: Pixels) -> Floats | None:
    """Return the corners [4,2] of the print in pixels, upper left first, clockwise; None when unsure."""
    scale = SEARCH_SIDE / max(photo.shape[:2])
    small = cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else photo
    scale = min(scale, 1.0)
    small = cv2.GaussianBlur(small, (0, 0), 1.2)
    sure = [corners for corners in _candidates(small) if _convincing(small, corners)]
    if not sure:
        return None
    largest = max(sure, key=lambda corners: float(cv2.contourArea(corners)))
    return np.asarray(largest / scale, dtype=np.float32)


def rectify(photo: Pixels, corners: Floats) -> Pixels:
    """Return the print inside ``corners`` as an upright rectangle of about its own size."""
    upper, right, lower, left = (float(np.linalg.norm(corners[i] - corners[(i + 1) % 4])) for i in range(4))
    width, height = max(2, round(max(upper, lower))), max(2, round(max(left, right)))
    inset = INSET_SHARE * max(width, height)
    target = np.array(
        [[-inset, -inset], [width + inset, -inset], [width + inset, height + inset], [-inset, height + inset]],
        dtype=np.float32,
    )
    matrix = cv2.getPerspectiveTransform(corners.astype(np.float32), target)
    flags = cv2.INTER_AREA if width * height < photo.shape[0] * photo.shape[1] / 4 else cv2.INTER_CUBIC
    return np.asarray(
        cv2.warpPerspective(photo, matrix, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    )


def _candidates(small: Pixels) -> list[Floats]:
    found = []
    for channel in cv2.split(cv2.cvtColor(small, cv2.COLOR_RGB2LAB)):
        for low, high in EDGE_LEVELS:
            edges = cv2.dilate(cv2.Canny(channel, low, high), np.ones((3, 3), np.uint8))
            contours, _ = cv2.findContours(edges, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
            for contour in contours:
                hull = cv2.convexHull(contour)
                corners = cv2.approxPolyDP(hull, 0.02 * cv2.arcLength(hull, True), True)
                if len(corners) == 4:
                    found.append(_ordered(corners.reshape(4, 2).astype(np.float32)))
    return found


def _ordered(corners: Floats) -> Floats:
    """Upper left first, then clockwise."""
    middle = corners.mean(axis=0)
    turned = corners[np.argsort(np.arctan2(corners[:, 1] - middle[1], corners[:, 0] - middle[0]))]
    return np.roll(turned, -int(turned.sum(axis=1).argmin()), axis=0)


def _convincing(small: Pixels, corners: Floats) -> bool:
    rows, columns = small.shape[:2]
    area = float(cv2.contourArea(corners)) / (rows * columns)
    margin = MIN_OUTSIDE_SHARE * max(rows, columns)
    low, high = corners.min(axis=0), corners.max(axis=0)
    inside = low.min() >= margin and high[0] <= columns - margin and high[1] <= rows - margin
    if not (MIN_AREA <= area <= MAX_AREA and inside and _nearly_rectangular(corners)):
        return False
    return all(_edge_share(small, corners[i], corners[(i + 1) % 4]) >= MIN_EDGE_SHARE for i in range(4))


def _nearly_rectangular(corners: Floats) -> bool:
    sides = np.roll(corners, -1, axis=0) - corners
    sides = sides / np.maximum(np.linalg.norm(sides, axis=1, keepdims=True), 1e-6)
    return bool(np.abs((sides * np.roll(sides, 1, axis=0)).sum(axis=1)).max() <= MAX_CORNER_COSINE)


def _edge_share(small: Pixels, start: Floats, end: Floats) -> float:
    """Return along how much of a side its inner neighbourhood differs from its outer one."""
    span = end - start
    normal = np.array([span[1], -span[0]]) / max(float(np.linalg.norm(span)), 1e-6)
    along = start + np.linspace(0.04, 0.96, PROBES)[:, None] * span
    inner, outer = (_tones(small, along + side * normal) for side in (-PROBE_PX, PROBE_PX))
    return float((np.abs(inner - outer).max(axis=1) >= MIN_CONTRAST).mean())


def _tones(small: Pixels, place: Floats) -> Floats:
    """Return the colours [n,3] at positions [n,2]."""
    places = place[None].astype(np.float32)
    found = cv2.remap(small, places, None, cv2.INTER_LINEAR)  # type: ignore[call-overload]
    return np.asarray(found[0], dtype=np.float32)

"""Lids close with the skin's own tone: what lies on the glasses before them stays where it is."""

from dataclasses import replace

import numpy as np
import pytest

from device_agent.engine.photo.portrait import Portrait
from device_agent.engine.warp.eyelids import Eyelids
from device_agent.engine.warp.grid import Box, positions

REFLECTION = 235


def closed_eye(portrait: Portrait) -> np.ndarray:
    """Return the brightness of the first eye's opening, its lid shut."""
    eye = portrait.eyes[0]
    rows, columns = portrait.yuv.shape[:2]
    lids = Eyelids(eye, portrait.yuv, Box(0, 0, columns, rows), portrait.px_per_mm)
    place = positions(columns, rows)[lids.box.slices]
    along, across = eye.frame(place[..., 0] + 0.5, place[..., 1] + 0.5)
    upper, lower = (np.interp(along, eye.along, edge) for edge in (eye.upper, eye.lower))
    shown = (np.abs(along) < 0.8 * eye.half_width) & (across > upper) & (across < lower)
    return np.asarray(lids.draw(place, 1.0)[..., 0][shown])


@pytest.fixture
def reflecting(portrait: Portrait) -> Portrait:
    """The portrait with a lamp in the glass before a part of the upper lid."""
    eye = portrait.eyes[0]
    rows, columns = np.mgrid[0 : portrait.yuv.shape[0], 0 : portrait.yuv.shape[1]].astype(np.float32)
    along, across = eye.frame(columns + 0.5, rows + 0.5)
    above = np.interp(along, eye.along, eye.upper) - across
    lamp = (np.abs(along) < 0.25 * eye.half_width) & (above > 0) & (above < eye.lid)
    yuv = portrait.yuv.copy()
    yuv[lamp, 0] = REFLECTION
    return replace(portrait, yuv=yuv)


def test_a_reflection_on_glasses_is_not_drawn_down_with_the_lid(portrait: Portrait, reflecting: Portrait) -> None:
    before, after = closed_eye(portrait), closed_eye(reflecting)
    assert after.max() < REFLECTION - 35
    assert abs(float(np.median(after) - np.median(before))) < 25

"""Lids close with the skin's own tone; glasses and what lies on them stay where they are. The portrait wears some."""

from dataclasses import replace

import numpy as np
import pytest

from device_agent.engine.photo.portrait import Portrait
from device_agent.engine.warp.eyelids import Eyelids
from device_agent.engine.warp.grid import Box, positions

REFLECTION, RIM_DARKER = 235, 70


def shut(portrait: Portrait) -> tuple[np.ndarray, Box]:
    """Return the brightness around the first eye, its lid shut, and where that is."""
    rows, columns = portrait.yuv.shape[:2]
    lids = Eyelids(portrait.eyes[0], portrait.yuv, Box(0, 0, columns, rows), portrait.px_per_mm)
    return lids.draw(positions(columns, rows)[lids.box.slices], 1.0)[..., 0], lids.box


def in_eye(portrait: Portrait) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return per pixel the way along the first eye, above its upper edge, and below it as a share of the opening."""
    eye = portrait.eyes[0]
    rows, columns = np.mgrid[0 : portrait.yuv.shape[0], 0 : portrait.yuv.shape[1]].astype(np.float32)
    along, across = eye.frame(columns + 0.5, rows + 0.5)
    upper, lower = (np.interp(along, eye.along, edge) for edge in (eye.upper, eye.lower))
    return np.abs(along) / eye.half_width, upper - across, (across - upper) / np.maximum(lower - upper, 1e-6)


def closed_eye(portrait: Portrait) -> np.ndarray:
    """Return the brightness of the first eye's opening, its lid shut."""
    drawn, box = shut(portrait)
    along, _, opening = (part[box.slices] for part in in_eye(portrait))
    return drawn[(along < 0.8) & (opening > 0) & (opening < 1)]


@pytest.fixture
def reflecting(portrait: Portrait) -> Portrait:
    """The portrait with a lamp in the glass before a part of the upper lid."""
    along, above, _ = in_eye(portrait)
    yuv = portrait.yuv.copy()
    yuv[(along < 0.25) & (above > 0) & (above < portrait.eyes[0].lid), 0] = REFLECTION
    return replace(portrait, yuv=yuv)


def test_a_reflection_on_glasses_is_not_drawn_down_with_the_lid(portrait: Portrait, reflecting: Portrait) -> None:
    before, after = closed_eye(portrait), closed_eye(reflecting)
    assert after.max() < REFLECTION - 35
    assert abs(float(np.median(after) - np.median(before))) < 25


def test_the_rim_of_glasses_stays_where_it_is_when_the_lid_falls(portrait: Portrait) -> None:
    along, above, _ = in_eye(portrait)
    lid = portrait.eyes[0].lid
    rim = (along < 0.8) & (above > 0.7 * lid) & (above < lid) & (portrait.yuv[..., 0] < RIM_DARKER)
    drawn, box = shut(portrait)
    change = drawn[rim[box.slices]] - portrait.yuv[..., 0][rim]
    assert len(change) > 20
    assert np.median(np.abs(change)) < 5

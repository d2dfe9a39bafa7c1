"""The drawn tongue: in L and TH its tip fills the gap under the upper teeth, in open vowels the dark shows there."""

import numpy as np
import pytest

from device_agent.engine.gesture import Gesture
from device_agent.engine.loaded import Engine
from device_agent.engine.photo.portrait import Portrait
from device_agent.engine.stage import Stage
from device_agent.engine.warp.face import FaceWarp
from device_agent.engine.warp.tongue import Tongue

WIDE_MM = 12.0
EVERYWHERE = (slice(None), slice(None))


@pytest.fixture(scope="module")
def warp(engine: Engine, portrait: Portrait) -> FaceWarp:
    return engine.warp(portrait)


def below_upper_lip(portrait: Portrait, warp: FaceWarp) -> tuple[np.ndarray, np.ndarray]:
    lips, unit = portrait.lips, portrait.px_per_mm
    rows, columns = np.mgrid[0 : warp.box.height, 0 : warp.box.width].astype(np.float32)
    along, across = lips.frame(columns + warp.box.left + 0.5, rows + warp.box.top + 0.5)
    return along / unit, (across - lips.heights(along)[0]) / unit


def test_a_raised_tip_stands_in_the_light_where_a_low_one_leaves_the_dark(
    engine: Engine, portrait: Portrait, warp: FaceWarp
) -> None:
    beside, below = below_upper_lip(portrait, warp)
    motion = engine.constants.opening_map * np.float32(WIDE_MM)
    low, middle, raised = (warp.draw(motion, tongue=height)[0].astype(float) for height in (0.0, 0.5, 1.0))
    gap = (np.abs(beside) < 5) & (below > 2.5) & (below < 6.0)
    assert low[gap].mean() + 8 < raised[gap].mean()
    assert low[gap].mean() < middle[gap].mean() < raised[gap].mean()


def test_teeth_and_lips_stay_when_the_tongue_rises(engine: Engine, portrait: Portrait, warp: FaceWarp) -> None:
    beside, below = below_upper_lip(portrait, warp)
    motion = engine.constants.opening_map * np.float32(WIDE_MM)
    low, raised = (warp.draw(motion, tongue=height)[0].astype(int) for height in (0.0, 1.0))
    teeth = (np.abs(beside) < 4) & (below > -0.5) & (below < 0.5)
    outside = (np.abs(beside) > portrait.lips.half_width / portrait.px_per_mm + 1) | (below < -6) | (below > 30)
    assert np.abs(raised - low)[teeth].mean() < 3
    assert not (raised - low)[outside].any()


def test_closed_lips_hide_the_tongue(engine: Engine, warp: FaceWarp) -> None:
    closed = np.zeros((4, 64, 64), dtype=np.float32)
    low, raised = (warp.draw(closed, tongue=height)[0] for height in (0.0, 1.0))
    assert np.array_equal(low, raised)


def test_without_a_height_the_opening_tells_it(engine: Engine, portrait: Portrait, warp: FaceWarp) -> None:
    motion = engine.constants.opening_map * np.float32(WIDE_MM)
    unknown, low = warp.draw(motion)[0], warp.draw(motion, tongue=0.0)[0]
    assert not np.array_equal(unknown, low)
    assert np.array_equal(Stage(portrait, warp).draw(Gesture(motion))[0], unknown)
    assert np.array_equal(Stage(portrait, warp).draw(Gesture(motion, 0.0))[0], low)


def test_a_height_beyond_its_bounds_is_the_nearest_that_there_is() -> None:
    tongue = Tongue(np.linspace(-20, 20, 41, dtype=np.float32)[None])
    over = np.full((1, 41), 6.0, dtype=np.float32)
    for wild, bound in ((1.7, 1.0), (-0.4, 0.0)):
        came, expected = (tongue.seen(over, 10.0, EVERYWHERE, height) for height in (wild, bound))
        assert all(np.array_equal(a, b) for a, b in zip(came, expected, strict=True))


def test_the_mouth_closes_in_silence_and_the_tongue_keeps_its_height() -> None:
    gesture = Gesture(np.ones((4, 64, 64), dtype=np.float32), 0.7)
    assert gesture.eased(0.25).tongue == 0.7
    assert gesture.eased(0.25).motion.max() == np.float32(0.25)

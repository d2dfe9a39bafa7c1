"""A head that hardly moves is held, and what is kept of it between frames never shows."""

from dataclasses import replace

import numpy as np
import pytest

from device_agent.engine.life.hold import HOLD_PX, hold
from device_agent.engine.life.schedule import Pose, schedule
from device_agent.engine.loaded import Engine
from device_agent.engine.photo.portrait import Portrait
from device_agent.engine.video.presets import PRESETS, rate_factor
from device_agent.engine.warp.face import FaceWarp
from device_agent.engine.warp.grid import STEP
from device_agent.engine.warp.resample import strips

CLOSED = np.zeros((4, 64, 64), dtype=np.float32)


@pytest.fixture(scope="module")
def lively(engine: Engine, portrait: Portrait) -> FaceWarp:
    return engine.warp(portrait, lively=True)


def by_pitch(one: Pose, other: Pose) -> float:
    """One pixel a degree."""
    return abs(one.pitch - other.pitch)


def test_a_held_head_is_never_further_behind_than_the_limit(lively: FaceWarp) -> None:
    poses = schedule(3, 250, [], 0.5)
    held = hold(poses, lively.apart)
    assert max(lively.apart(asked, shown) for asked, shown in zip(poses, held, strict=True)) <= HOLD_PX
    assert len({pose.head for pose in held}) < 0.7 * len({pose.head for pose in poses})


def test_lids_move_in_every_frame_and_the_photo_itself_is_shown_exactly() -> None:
    poses = [Pose(), Pose(pitch=0.2, lids=0.3), Pose(pitch=0.9, lids=0.6), Pose(pitch=1.0, lids=1.0), Pose()]
    held = hold(poses, by_pitch)
    assert [pose.lids for pose in held] == [pose.lids for pose in poses]
    assert [pose.pitch for pose in held] == [0.0, 0.0, 0.9, 0.9, 0.0]


def test_a_fast_nod_is_shown_in_every_frame() -> None:
    poses = [Pose(pitch=index * 2 * HOLD_PX) for index in range(1, 9)]
    assert hold(poses, by_pitch) == poses


def test_the_distance_of_two_poses_is_that_of_their_fields(lively: FaceWarp) -> None:
    one, other = Pose(pitch=0.4, yaw=-0.3, roll=0.2, lift_mm=0.2), Pose(pitch=0.1, yaw=0.2, roll=0.1)
    field = lively._head
    assert lively.apart(one, other) == pytest.approx(np.abs(field.at(one) - field.at(other)).max(), rel=0.02)
    assert lively.apart(one, replace(one, lids=1.0)) == 0.0


def test_what_was_drawn_before_does_not_change_a_frame(engine: Engine, portrait: Portrait, lively: FaceWarp) -> None:
    opened = engine.constants.opening_map * np.float32(10)
    pose = Pose(yaw=0.8, roll=-0.3)
    fresh = engine.warp(portrait, lively=True).draw(opened, pose)
    for before, other in ((CLOSED, pose), (opened, Pose(pitch=1.0)), (CLOSED, Pose(yaw=0.8, roll=-0.3, lids=1.0))):
        lively.draw(before, other)
        again = lively.draw(opened, pose)
        assert all(np.array_equal(a, b) for a, b in zip(fresh, again, strict=True))


def test_beyond_the_face_a_held_head_does_not_change_while_the_mouth_speaks(engine: Engine, lively: FaceWarp) -> None:
    pose = Pose(yaw=0.8)
    closed, opened = (lively.draw(engine.constants.opening_map * np.float32(mm), pose)[0] for mm in (0, 12))
    outside = np.ones(closed.shape, dtype=bool)
    outside[lively._face.box.slices] = False
    assert outside.any()
    assert np.array_equal(closed[outside], opened[outside])
    assert (closed != opened).any()


def test_strips_hold_whatever_moves_and_lie_on_whole_pairs_of_cells() -> None:
    moves = np.zeros((50, 70), dtype=bool)
    moves[3, 5] = moves[33, 60] = moves[49, 69] = True
    drawn = np.zeros((50 * STEP, 70 * STEP), dtype=bool)
    for strip in strips(moves):
        assert not drawn[strip.slices].any()
        assert not any(side % (2 * STEP) for side in (strip.left, strip.top, strip.width, strip.height))
        drawn[strip.slices] = True
    assert drawn[np.repeat(np.repeat(moves, STEP, axis=0), STEP, axis=1)].all()
    assert drawn.mean() < 0.6


def test_nothing_that_moves_needs_no_strip() -> None:
    assert list(strips(np.zeros((8, 8), dtype=bool))) == []


def test_every_preset_has_a_rate_factor() -> None:
    assert {rate_factor(preset) for preset in PRESETS} == {20, 23}

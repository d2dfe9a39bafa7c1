"""Rendered heads: the picture shows what the exact positions say, and the evaluation measures what it claims."""

import numpy as np
import pytest

from device_agent.engine import canonical, package
from device_agent.engine.loaded import Engine
from model_pipeline.studio import driving, report, trial
from model_pipeline.studio.alignment import align_photo
from model_pipeline.studio.head import Head, make_head
from model_pipeline.studio.identity import draw_person
from model_pipeline.studio.pairs import draw_pair, save_pairs
from model_pipeline.studio.picture import Shot, Studio, camera
from model_pipeline.studio.raster import NOTHING, rasterise, weights_at
from model_pipeline.studio.rig import actions, make_rig, measures
from model_pipeline.studio.surface import normals, subdivide
from model_pipeline.studio.trial import FIRST_HEAD

SMALL = 128


@pytest.fixture(scope="module")
def head() -> Head:
    return make_head(draw_person(3, beard=False, glasses=False, child=False))


def test_the_nearer_triangle_hides_the_further_and_backs_are_not_drawn():
    front = [[2, 2, 1], [2, 14, 1], [14, 2, 1]]
    behind = [[0, 0, 5], [0, 16, 5], [16, 0, 5]]
    turned = [[0, 0, 0], [16, 0, 0], [0, 16, 0]]
    seen = rasterise(np.array([behind, front, turned], dtype=np.float32), 16, 16)
    assert seen.triangle[4, 4] == 1 and seen.triangle[0, 0] == 0 and seen.triangle[15, 15] == NOTHING
    assert seen.depth[4, 4] == pytest.approx(1.0, abs=1e-5) and np.isinf(seen.depth[15, 15])


def test_barycentric_weights_give_the_place_back():
    corners = np.array([[[0, 0, 0], [0, 8, 0], [8, 0, 0]]], dtype=np.float32)
    share = weights_at(corners, np.array([0]), np.array([2.0]), np.array([3.0]))
    assert np.allclose(share @ corners[0, :, :2], [[2.0, 3.0]], atol=1e-5)


def test_a_plane_stays_a_plane_when_it_is_subdivided():
    points = np.array([(x, y, 0.0) for y in range(3) for x in range(3)])
    quads = np.array([(0, 3, 4, 1), (1, 4, 5, 2), (3, 6, 7, 4), (4, 7, 8, 5)])
    finer = subdivide(quads, 9)
    fine = finer.operator @ points
    assert len(finer.quads) == 16 and np.allclose(finer.operator.sum(axis=1), 1.0)
    assert np.allclose(fine[:, 2], 0) and np.allclose(fine[4], [1, 1, 0])
    across = normals(fine.astype(np.float32), finer.quads[:, [0, 1, 2]])
    assert np.allclose(np.abs(across[4]), [0, 0, 1], atol=1e-6)


@pytest.mark.parametrize("seed", [0, 4, 11])
def test_every_neutral_head_has_its_lips_closed_and_its_eyes_at_63_mm(seed):
    lips = make_head(draw_person(seed)).lips_at_rest
    inner = [canonical.LIPS.index(i) for i in canonical.INNER_LIP]
    apart = np.linalg.norm(lips[inner[1:10]] - lips[inner[19:10:-1]], axis=1)
    assert apart.max() < 0.8
    assert 40 < measures(lips[None])[0, 1] < 65 and 55 < lips[:, 1].mean() < 95


def test_the_rig_opens_and_widens_the_mouth_by_the_millimetres_asked(head):
    asked = np.array([[0.0, 0.0], [6.0, 2.0], [15.0, 0.0], [4.0, -5.0]])
    found = measures(head.lips(make_rig(head).speak(asked))) - measures(head.lips_at_rest[None])
    assert np.abs(found - asked).max() < 0.3


def test_a_head_follows_a_track_that_it_could_have_spoken_itself(head):
    shares = make_rig(head).speak(np.array([[0.0, 0.0], [8.0, 1.0], [3.0, -3.0]]))
    motion = head.lips(shares) - head.lips_at_rest
    again, left = driving.by_track(head, motion)
    assert left < 0.3
    assert np.abs(head.lips(again) - head.lips(shares))[..., :2].mean() < 0.3


def test_the_same_seed_gives_the_same_picture_to_the_bit_and_another_seed_another():
    first, again, other = (Studio(make_head(draw_person(s))).shoot(Shot(size=SMALL, eyes_px=28)) for s in (5, 5, 6))
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_yaw_counts_as_the_engine_counts_it():
    view = camera(Shot(yaw=25.0))
    assert canonical.yaw_degrees(canonical.Similarity(1.0, view.rotation, np.zeros(3))) == pytest.approx(25.0)
    nose = view.project(np.array([[0.0, 30.0, -40.0], [0.0, 30.0, 60.0]]))
    assert nose[0, 0] < nose[1, 0]


def test_a_pair_differs_between_the_lips_and_nowhere_near_the_eyes(tmp_path):
    pair = draw_pair(2, size=SMALL)
    change = np.abs(pair.opened.astype(int) - pair.closed.astype(int)).mean(axis=2)
    assert pair.inside.any() and change[pair.inside].mean() > 15
    assert change[: SMALL // 4].max() == 0
    assert pair.moved_px[:, 1].max() == pytest.approx(pair.opening_mm * pair.px_per_mm, rel=0.5)
    save_pairs([pair], tmp_path / "pairs.npz")
    with np.load(tmp_path / "pairs.npz") as kept:
        assert kept["opened"].shape == (1, SMALL, SMALL, 3) and kept["lips_px"].shape == (1, 40, 2)


def test_children_are_younger_and_beards_grow_on_request():
    assert draw_person(1, child=True).years < 0.45 and draw_person(1, child=True).beard_mm == 0
    assert draw_person(1, beard=True, child=False).beard_mm > 0 and draw_person(1, glasses=True).glasses is not None


def test_voices_and_heads_of_the_evaluation_are_those_that_no_training_uses():
    from model_pipeline.data.speakers import VARIANTS

    assert not {voice.partition("+")[2] for voice, *_ in driving.UNSEEN} & {v.strip("+") for v in VARIANTS}
    assert trial.FIRST_HEAD >= 1_000_000


@pytest.fixture(scope="module")
def engine(shipped) -> Engine:
    return Engine(package.load(shipped))


def test_the_engine_finds_a_rendered_face_and_its_lips_where_they_are(engine, head):
    view = camera(Shot(size=320, eyes_px=68, yaw=12.0))
    aligned = align_photo(engine.reader, Studio(head).shoot(view.shot), head, view, engine.constants)
    assert aligned.portrait is not None
    found = aligned.portrait.landmarks[list(canonical.LIPS), :2]
    apart = np.linalg.norm(found - view.project(head.lips_at_rest)[:, :2], axis=1) / (68 / 63)
    assert apart.mean() < 5.0
    assert aligned.portrait.yaw_degrees == pytest.approx(12.0, abs=8.0)


def test_a_mouth_that_stands_still_scores_as_the_static_row_and_late_rows_are_late(engine):
    sitting = trial.sit(engine, trial.FIRST_HEAD, 0, 256)
    performance = driving.spoken(0)
    shares = driving.by_rules(make_rig(sitting.head), performance)
    rest = sitting.aligned.rest_opening_mm * engine.constants.opening_map
    still = [rest] * len(shares)
    clip = trial.measure(engine, lambda audio, aligned: still, sitting, performance, shares, "rules")
    assert clip.rows["ours"].mpjpe_mm == pytest.approx(clip.rows["static"].mpjpe_mm, abs=1e-6)
    assert clip.rows["1 late"].lag_frames == 1 and clip.rows["2 late"].lag_frames == 2
    assert clip.silence_mm == pytest.approx(0.0, abs=1e-6) and clip.closures_mm
    figures = report.as_json([clip], {})["summary"]["rules"]["0-15"]
    assert figures["clips"] == 1 and figures["closures_below_1_5_mm"] == 1.0


def test_actions_are_named(head):
    named = actions(head, make_rig(head).speak(np.array([[10.0, 0.0]]))[0])
    assert 0.1 < named["jawOpen"] < 0.6 and "eyeBlinkLeft" not in named


@pytest.mark.parametrize("yaw", [-14.0, 41.0])
def test_lips_under_a_moustache_are_closed_where_they_touch(engine, yaw):
    bearded = make_head(draw_person(FIRST_HEAD + 2))
    assert bearded.person.beard_mm > 2
    view = camera(Shot(size=512, eyes_px=105, yaw=yaw))
    aligned = align_photo(engine.reader, Studio(bearded).shoot(view.shot), bearded, view, engine.constants)
    assert aligned.portrait is not None
    assert aligned.portrait.rest_opening_mm == 0.0

"""The measures say what they should of mouths whose answer is known."""

import numpy as np
import pytest

from model_pipeline.data import samples
from model_pipeline.data.basis import build, mirror_index
from model_pipeline.data.tracks import load_tracks
from model_pipeline.score import lag, lips_of_maps, score, truth


def talking(frames: int = 200) -> np.ndarray:
    """Lip points [F,40,3] that open and close, all points moving down with the lower lip."""
    lips = np.tile(np.random.default_rng(0).normal(size=(40, 3)) * 10, (frames, 1, 1))
    gap = 6 + 5 * np.sin(np.arange(frames) / 3) + 2 * np.sin(np.arange(frames) / 7.3)
    lips[:, 25] = lips[:, 35] + np.stack([np.zeros(frames), gap, np.zeros(frames)], axis=1)
    return lips


def test_the_truth_scores_full_marks():
    found = score(talking(), talking())
    assert found.r_opening == pytest.approx(1.0)
    assert found.mpjpe_centred_mm == pytest.approx(0.0)
    assert found.amplitude_ratio == pytest.approx(1.0)
    assert found.lag_frames == 0


def test_a_still_mouth_scores_no_correlation_and_has_no_lag():
    still = np.repeat(talking()[:1], 200, axis=0)
    found = score(still, talking())
    assert found.r_opening == 0.0
    assert np.isnan(found.lag_frames)


@pytest.mark.parametrize("late", [-3, 0, 2])
def test_the_lag_is_how_late_the_lips_are(late):
    real = np.sin(np.arange(300) ** 1.3 / 9)
    assert lag(np.roll(real, late), real) == late


@pytest.mark.shared_data
def test_true_motion_through_basis_and_maps_comes_back_as_lips(shared_data):
    tracks = load_tracks(shared_data)
    basis = build(tracks, mirror_index(shared_data))
    chosen = [m for m in samples.speaker_motion(tracks, basis) if m.track.id in {"grid_bbaf2n", "latentsync_demo1"}]
    for motion in chosen:
        maps = np.tensordot(motion.motion * motion.liveliness, basis.maps, axes=1)
        found = score(lips_of_maps(motion.track, maps, basis.points, basis.opening_map), truth(motion.track))
        assert found.r_opening > 0.97
        assert found.mpjpe_centred_mm < 0.9
        assert found.amplitude_ratio == pytest.approx(1.0, abs=0.15)

"""nano-clear is made of rendered heads and synthetic speech: its face, its motion and its photos."""

import numpy as np
import pytest

from device_agent.engine import canonical
from model_pipeline.data import samples
from model_pipeline.recipes.clear import learn_faces, photograph
from model_pipeline.studio.face import mirror_of


@pytest.fixture(scope="module")
def faces():
    return learn_faces(lambda: None, heads=2)


def test_the_canonical_face_is_upright_symmetric_and_in_millimetres(faces):
    points = faces[0].points
    assert np.linalg.norm(points[canonical.RIGHT_IRIS] - points[canonical.LEFT_IRIS]) == pytest.approx(63.0, abs=0.01)
    mirror = mirror_of(points)
    assert sorted(mirror) == list(range(478))
    assert np.abs(points - points[mirror] * [-1, 1, 1])[list(canonical.LIPS)].max() < 0.5
    assert points[canonical.LOWER_LIP_CENTRE, 1] > points[canonical.RIGHT_IRIS, 1]


def test_motion_by_rule_opens_and_rounds_the_mouth_in_the_basis(faces):
    basis, motions = faces
    opening = np.concatenate([m.motion for m in motions]) @ samples.opening_row(basis)
    assert 8 < np.percentile(opening, 95) < 25
    assert np.percentile(opening, 2) > -1.5
    width = np.concatenate([m.motion for m in motions]) @ samples.width_row(basis)
    assert width.min() < -2


def test_a_photo_says_how_far_its_mouth_is_open(faces):
    book = photograph(2, faces[0].points, lambda: None)
    assert book.pixels.shape == (2, 256, 256, 3)
    assert ((book.rest[:, 0] >= 0) & (book.rest[:, 0] < 20)).all()
    assert ((book.rest[:, 1] > 35) & (book.rest[:, 1] < 65)).all()

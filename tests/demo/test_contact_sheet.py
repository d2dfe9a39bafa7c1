"""The contact sheet shows moments that matter."""

from demo.contact_sheet import moments, mouth_box


def test_moments_alternate_between_the_most_open_and_the_most_closed_of_equal_spans():
    openings = [0, 1, 9, 1, 0, 5, 0, 5, 7, 2]
    assert moments(openings, 2, spoken_seconds=10 / 25) == [2, 6]


def test_moments_stay_inside_the_speech():
    openings = [1.0] * 50 + [99.0] * 50
    assert max(moments(openings, 5, spoken_seconds=2)) < 50


def test_mouth_box_is_square_and_inside_the_face():
    left, top, right, bottom = mouth_box((100, 100, 300, 300))
    assert right - left == bottom - top
    assert left > 100 and top > 100 and right < 300 and bottom <= 300

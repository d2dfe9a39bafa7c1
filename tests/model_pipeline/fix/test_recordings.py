"""The weights that ship, on a real reader."""

import pytest

from model_pipeline.errors import DataMissing
from model_pipeline.fix import recordings


def test_the_mouth_follows_a_real_reader(shipped):
    scores, each = recordings.check(shipped, recordings.utterances())
    assert len(each) == 5
    assert scores.counts["bilabial"] > 20
    assert scores.shares["bilabial"] > 0.35
    assert scores.shares["open"] > 0.9
    assert scores.r_expected > 0.35
    assert recordings.report(scores, each)["recordings"].keys() == each.keys()


def test_missing_recordings_are_named(tmp_path):
    with pytest.raises(DataMissing, match="apt install pocketsphinx-testdata"):
        recordings.utterances(tmp_path)

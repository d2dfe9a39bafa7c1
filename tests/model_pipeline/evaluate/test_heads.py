"""Tracks on rendered heads are spoken by the model that did not hear their speaker."""

import shutil
from types import SimpleNamespace

import numpy as np
import pytest

from model_pipeline.data.folds import FOLDS, fold_of
from model_pipeline.evaluate.fold import model_path
from model_pipeline.evaluate.heads import deaf_to
from model_pipeline.evaluate.run import places
from model_pipeline.export.engine import packed_engine
from model_pipeline.export.package import WEIGHTS_DIR
from model_pipeline.recipes.nano import PRETRAINED
from model_pipeline.studio.alignment import Alignment
from model_pipeline.training.stages import Sizes


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    return packed_engine(None, tmp_path_factory.mktemp("package"))


def test_without_models_of_the_folds_nothing_is_called_held_out(engine, tmp_path):
    assert deaf_to(engine, tmp_path) is None


def test_each_speaker_has_the_mouth_of_the_own_fold(engine, tmp_path):
    folder, _ = places(tmp_path, WEIGHTS_DIR / PRETRAINED, Sizes())
    for fold in range(FOLDS):
        shutil.copy(WEIGHTS_DIR / PRETRAINED, model_path(folder, fold, seed=0))
    chosen = deaf_to(engine, tmp_path)
    mouths = {speaker: chosen(SimpleNamespace(speaker=speaker)) for speaker in fold_of()}
    assert len(set(mouths.values())) == FOLDS
    for speaker, fold in fold_of().items():
        assert all((mouths[other] is mouths[speaker]) == (own == fold) for other, own in fold_of().items())
    voice = np.random.default_rng(0).normal(0, 0.1, 3200).astype(np.float32)
    maps = mouths[speaker](voice, Alignment(np.zeros((40, 2)), np.eye(2), 0.0, None))
    assert len(maps) == 5 and maps[0].shape == (4, 64, 64)

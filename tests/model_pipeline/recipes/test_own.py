"""From a video to a package: a maker's own recording is prepared, learnt from and packed, and a frame can run it."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from safetensors.numpy import load_file

from device_agent.engine import archive, package
from device_agent.engine.loaded import Engine
from device_agent.engine.render import Options, render
from frame_protocol.model_package import WEIGHTS, ModelManifest
from model_pipeline.data import espeak
from model_pipeline.errors import DataMissing, WeightsUnusable
from model_pipeline.export import int8
from model_pipeline.export.package import WEIGHTS_DIR
from model_pipeline.gallery.photos import sample_portrait
from model_pipeline.prepare.prepare import prepare
from model_pipeline.prepare.report import Report
from model_pipeline.recipes.nano import PRETRAINED, load_pretrained
from model_pipeline.recipes.own import PREPARED, Trained, laid_together, own_tracks, train_own
from model_pipeline.training.loop import Silent
from model_pipeline.training.settings import NANO
from model_pipeline.training.stages import Sizes

FEW = Sizes(
    frames=20, synthetic_clips=3, real_versions=2, tune_steps=3, tune_real=2, tune_synthetic=1,
    photo_steps=2, photo_batch=2,
)  # fmt: skip


@pytest.fixture(scope="module")
def recordings(shipped: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one talking video of about four seconds: the engine's own, of the sample portrait."""
    folder = tmp_path_factory.mktemp("recordings")
    spoken = espeak.say("My mother bought a blue map in May. Papa may come home by five, I hope.", "en-us")
    soundfile.write(folder / "voice.wav", spoken.audio, 16_000)
    options = Options(width=640, height=480, seconds=len(spoken.audio) / 16_000)
    video = folder / "grace" / "talk.mp4"
    video.parent.mkdir()
    render(Engine(package.load(shipped)), sample_portrait(), folder / "voice.wav", video, options=options)
    return folder


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("own")


@pytest.fixture(scope="module")
def report(recordings: Path, out: Path) -> Report:
    return prepare(recordings, out / PREPARED, lambda name, count: lambda done: None)


@pytest.fixture(scope="module")
def trained(report: Report, out: Path) -> Trained:
    return train_own(out / PREPARED, out, FEW, NANO, Silent())


def test_the_preparation_keeps_the_talking_and_measures_it(report):
    assert report.speakers.keys() == {"grace"}
    assert report.seconds > 2.0
    figures = {stage.name: stage.means() for stage in report.stages}
    assert figures["dejitter"]["jitter_after_mm"] < figures["dejitter"]["jitter_before_mm"]
    assert figures["align"]["misfit_mm"] < 9.0
    assert figures["music"]["clips_with_music"] == 0.0
    assert figures["occlude"]["hidden_share"] == pytest.approx(0.2, abs=0.01)


def test_the_tracked_mouth_opens_and_closes(report, out):
    (track, *_) = own_tracks(out / PREPARED)
    gap = np.linalg.norm(track.points[:, 13] - track.points[:, 14], axis=-1)
    assert np.percentile(gap, 95) - np.percentile(gap, 5) > 2.0


def test_the_package_runs_and_its_weights_have_learnt(trained, out, tmp_path):
    archive.extract(trained.package, tmp_path / "model", ModelManifest)
    assert package.verify(tmp_path / "model").model_id == trained.model_id
    before, after = int8.tensors_of(load_pretrained(WEIGHTS_DIR / PRETRAINED)), load_file(out / WEIGHTS)
    assert any((before[name] != after[name]).any() for name in after if name.startswith("spacetime."))
    assert all((before[name] == after[name]).all() for name in ("codebook", "canonical.points"))
    assert set(trained.last) == {"tune", "photos"} and json.dumps(trained.as_json())


def test_a_folder_with_another_training_is_refused(trained, out):
    with pytest.raises(WeightsUnusable, match=r"remove .*checkpoint\.pt"):
        train_own(out / PREPARED, out, replace(FEW, tune_steps=4), NANO, Silent())


def test_the_card_says_whose_recordings_it_was_and_what_came_before(trained, out):
    card = (out / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert "1 speakers (grace)" in card and "Nothing\nwas held out" in card
    assert "What it was trained on" in card


def test_clips_of_one_speaker_share_one_head(report, out):
    (track, *_) = own_tracks(out / PREPARED)
    first, again = laid_together([track, track])
    assert np.allclose(first.points, again.points, atol=1e-2)


def test_nothing_to_learn_from_is_said_with_where_to_look(tmp_path):
    with pytest.raises(DataMissing, match=r"report\.json says what was set aside"):
        own_tracks(tmp_path)

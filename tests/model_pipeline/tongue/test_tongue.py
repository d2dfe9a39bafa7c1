"""The tongue: what the rule asks, what the network learns and hears, and how it travels in a package."""

import numpy as np
import pytest
import torch

from device_agent.engine import package
from device_agent.engine.loaded import Engine
from device_agent.engine.runtime.onnx import OnnxBackend
from frame_protocol.model_package import WEIGHTS
from model_pipeline.data.visemes import Pull, Viseme
from model_pipeline.errors import WeightsUnusable
from model_pipeline.export import int8
from model_pipeline.export.package import WEIGHTS_DIR, package_weights
from model_pipeline.export.parts import TONGUE
from model_pipeline.models.config import NANO
from model_pipeline.models.tongue import TongueNet
from model_pipeline.tongue import train as training
from model_pipeline.tongue.check import compare, listener, synthetic
from model_pipeline.tongue.examples import Sentence, gather
from model_pipeline.tongue.tip import tips
from model_pipeline.training.loop import Silent

STEPS, DIES_AT = 6, 3
LARGEST_BYTES = 500_000
UNSEEN_SENTENCES = 25


def said(*visemes: Viseme, seconds: float = 0.16) -> list[Pull]:
    return [Pull(one, number * seconds, (number + 1) * seconds) for number, one in enumerate(visemes)]


def noise_that_tells() -> list[Sentence]:
    """High bands are loud where the tongue is raised."""
    dice = np.random.default_rng(0)
    found = []
    for _ in range(12):
        tip = np.repeat(dice.random(15) > 0.5, 5).astype(np.float32)
        mel = dice.normal(size=(80, 300)).astype(np.float32)
        mel[50:] += 2.0 * np.repeat(tip, 4)
        found.append(Sentence(mel, tip))
    return found


class Dies(Silent):
    def step(self, name, done, figures):
        if done == DIES_AT:
            raise KeyboardInterrupt


@pytest.mark.parametrize("raised", [Viseme.LATERAL, Viseme.DENTAL])
def test_the_tip_is_at_the_teeth_in_l_and_th_and_low_in_an_open_vowel(raised):
    heights = tips(said(Viseme.OPEN, raised, Viseme.OPEN), 12)
    assert heights[5:7].max() > 0.9
    assert max(heights[1], heights[10]) < 0.1


def test_lips_leave_the_tongue_to_its_neighbours():
    between_vowels = tips(said(Viseme.OPEN, Viseme.BILABIAL, Viseme.OPEN), 12)
    after_l = tips(said(Viseme.LATERAL, Viseme.BILABIAL, Viseme.LATERAL), 12)
    assert between_vowels.max() < 0.35
    assert after_l[5:7].min() > 0.3


def test_sentences_are_kept_and_spoken_once(tmp_path, monkeypatch):
    monkeypatch.setattr("model_pipeline.tongue.examples.PART", 3)
    first = gather(tmp_path, 4, lambda: None)
    monkeypatch.setattr("model_pipeline.tongue.examples.sentence", None)
    again = gather(tmp_path, 4, lambda: None)
    assert [one.tip.size * 4 for one in first] == [one.mel.shape[1] for one in again]
    for one, same in zip(first, again, strict=True):
        assert np.array_equal(one.mel, same.mel)
        assert np.array_equal(one.tip, same.tip)


def test_a_broken_off_training_goes_on_and_ends_with_the_same_weights(tmp_path):
    given = noise_that_tells()
    with pytest.raises(KeyboardInterrupt):
        training.train(given, tmp_path / "broken", Dies(), steps=STEPS, save_every_s=0.0)
    training.train(given, tmp_path / "broken", Silent(), steps=STEPS, save_every_s=0.0)
    training.train(given, tmp_path / "whole", Silent(), steps=STEPS)
    assert (tmp_path / "broken" / WEIGHTS).read_bytes() == (tmp_path / "whole" / WEIGHTS).read_bytes()
    assert (tmp_path / "whole" / WEIGHTS).stat().st_size < LARGEST_BYTES
    with pytest.raises(WeightsUnusable, match="of another length"):
        training.train(given, tmp_path / "whole", Silent(), steps=STEPS + 1)


def test_a_training_learns_what_the_sound_tells(tmp_path, monkeypatch):
    monkeypatch.setattr(training, "BATCH", 8)
    monkeypatch.setattr(training, "AVERAGE", 0.9)
    given = noise_that_tells()
    net = training.train(given, tmp_path, Silent(), steps=60)
    heard, wanted = [], []
    for one in given:
        mel = torch.from_numpy(np.pad(one.mel, ((0, 0), (4 * NANO.audio_left, 4 * NANO.audio_right))))
        with torch.no_grad():
            heard.append(net(mel[None, :, None])[0, 0, 0].numpy())
        wanted.append(one.tip)
    assert np.corrcoef(np.concatenate(heard), np.concatenate(wanted))[0, 1] > 0.7


def test_the_weights_that_ship_hear_l_and_th_in_sentences_that_no_training_heard():
    rows = compare({"network": listener(TONGUE.net_of(TONGUE.load(TONGUE.folder)))}, synthetic(UNSEEN_SENTENCES))
    assert rows["rule"]["in_order"] > 0.9
    assert rows["network"]["in_order"] > 0.75
    assert rows["network"]["r"] > 0.6


def test_a_listener_that_hears_the_contrary_is_found_out():
    net = TONGUE.net_of(TONGUE.load(TONGUE.folder))
    with torch.no_grad():
        net.tip.weight.neg_()
        net.tip.bias.neg_()
    rows = compare({"network": listener(net)}, synthetic(UNSEEN_SENTENCES // 4))
    assert rows["network"]["in_order"] < 0.4
    assert rows["network"]["r"] < 0


@pytest.fixture(scope="module")
def model(shipped):
    return package.load(shipped)


def test_the_packages_graph_answers_as_the_network(model):
    net = TONGUE.net_of(TONGUE.load(TONGUE.folder))
    mel = np.random.default_rng(1).normal(size=(1, 80, 1, 152)).astype(np.float32)
    came = OnnxBackend(model).tongue(mel)
    with torch.no_grad():
        expected = net(torch.from_numpy(mel)).numpy()
    assert came.shape == (1, 1, 1, NANO.audio_chunk)
    assert np.abs(came - expected).max() < 1e-4


def test_a_window_cut_anywhere_hears_the_same(model):
    net = TONGUE.net_of(TONGUE.load(TONGUE.folder))
    mel = torch.from_numpy(np.random.default_rng(2).normal(size=(1, 80, 1, 4 * 60)).astype(np.float32))
    with torch.no_grad():
        whole, part = net(mel)[0, 0, 0], net(mel[..., 40 : 40 + 152])[0, 0, 0]
    assert torch.allclose(part, whole[10 : 10 + part.size(0)], atol=1e-5)


def test_each_frame_knows_its_tongue_and_a_package_without_the_network_does_not(model, tmp_path):
    moment = np.random.default_rng(3).normal(scale=0.1, size=16_000).astype(np.float32)
    engine = Engine(model)
    heard = [f.tongue for f in engine.motion.speak(moment, engine.motion.null_prompt(), model.manifest.sampling)]
    assert len(heard) == 25
    whole = listener(TONGUE.net_of(TONGUE.load(TONGUE.folder)))(moment)
    assert np.abs(np.array(heard) - whole[: len(heard)]).max() < 1e-4
    without = package_weights(WEIGHTS_DIR, tmp_path / "without.lfm", parts=())
    assert "tongue.onnx" not in without.files
    assert without.weights_sha256 != model.manifest.weights_sha256
    package.unpack(tmp_path / "without.lfm", tmp_path / "without")
    mute = Engine(package.load(tmp_path / "without"))
    spoken = mute.motion.speak(moment, mute.motion.null_prompt(), without.sampling)
    assert [frame.tongue for frame in spoken] == [None] * 25


def test_the_model_of_a_package_is_read_without_its_tongue(model):
    assert int8.load_model(model.path(WEIGHTS)).config == NANO


def test_weights_of_another_network_are_refused(tmp_path):
    TONGUE.save(TongueNet(), tmp_path / WEIGHTS)
    assert TONGUE.net_of(TONGUE.load(tmp_path)) is not None
    with pytest.raises(WeightsUnusable, match=r"(?s)do not fit.*train-tongue"):
        TONGUE.net_of({"tongue.stem.bias": np.zeros(3, np.float32)})
    with pytest.raises(WeightsUnusable, match="make it with: model-pipeline train-tongue"):
        TONGUE.load(tmp_path / "nowhere")

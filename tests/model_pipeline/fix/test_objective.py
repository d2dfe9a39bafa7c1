"""What a fix is trained on."""

import numpy as np
import pytest
import torch

from device_agent.engine.runtime.motion import codes_by
from frame_protocol.model_package import Decode, Sampling
from model_pipeline.data.samples import opening_row, width_row
from model_pipeline.data.visemes import Style, Viseme
from model_pipeline.export.int8 import load_model
from model_pipeline.fix.examples import WINDOW_FRAMES, Origin, feedback_of
from model_pipeline.fix.findings import Fault
from model_pipeline.fix.laboratory import own_controls, own_motion, own_style
from model_pipeline.fix.objective import SoftMouth, divergence, level_cost, manner_cost, shut
from model_pipeline.fix.phones import Phone
from model_pipeline.fix.samples import ExampleMaker, closed_frames, speak
from model_pipeline.fix.texts import BY_FAULT, GUARD, HELD_OUT, texts_for
from model_pipeline.models.config import TINY

SHOWN = Sampling(decode=Decode.MEAN, temperature=0.7, gain=1.2)


@pytest.fixture(scope="module")
def model(tiny_weights):
    return load_model(tiny_weights, TINY)


@pytest.fixture(scope="module")
def maker(model):
    tokens = np.random.default_rng(0).integers(TINY.codebook_size, size=(50, TINY.tokens_per_frame))
    codes = model.codebook.vectors.numpy()[tokens]
    return ExampleMaker(model, own_controls(model, own_motion(model, codes)), Style())


def test_the_opening_is_that_of_the_mean_of_the_codes(model):
    logits = torch.randn(TINY.tokens_per_frame, TINY.codebook_size, generator=torch.Generator().manual_seed(1))
    shown = codes_by(SHOWN, model.codebook.vectors.numpy())(logits.T.numpy())[1]
    readout = torch.linalg.pinv(model.encoder.project.weight.detach()).T
    mouth = SoftMouth(model, SHOWN)
    wanted = float(mouth.true_mm(torch.from_numpy(shown).flatten() @ readout))
    assert float(mouth.mm(logits[None])) == pytest.approx(wanted, abs=1e-3)
    assert float(mouth.shown_mm(logits[None])) == pytest.approx(1.2 * wanted, abs=1e-3)


def test_lips_that_are_shut_cost_nothing_where_nobody_asks(model):
    logits = torch.randn(1, 5, TINY.tokens_per_frame, TINY.codebook_size)
    assert float(shut(SoftMouth(model, SHOWN), logits, torch.zeros(1, 5, dtype=torch.bool), 0.5)) == 0.0


def test_the_base_itself_does_not_diverge_from_the_base():
    logits = torch.randn(2, 5, 4, 32)
    assert float(divergence(logits, logits, torch.ones(2, 5))) == pytest.approx(0.0, abs=1e-6)
    assert float(divergence(logits * 2, logits, torch.ones(2, 5))) > 0.01


def test_a_mouth_that_moves_less_or_more_than_the_base_pays(model):
    mouth, valid = SoftMouth(model, SHOWN), torch.ones(1, 40)
    generator = torch.Generator().manual_seed(2)
    base = torch.randn(1, 40, TINY.tokens_per_frame, TINY.codebook_size, generator=generator)
    assert float(manner_cost(mouth, base * 0.5, base, valid)) > 0
    assert float(manner_cost(mouth, base, base * 0.5, valid)) > 0
    assert float(manner_cost(mouth, base, base, valid)) == 0


def test_the_opening_may_change_around_a_closure_and_costs_elsewhere(model):
    mouth, valid = SoftMouth(model, SHOWN), torch.ones(1, 20)
    generator = torch.Generator().manual_seed(3)
    base, changed = (torch.randn(1, 20, TINY.tokens_per_frame, TINY.codebook_size, generator=generator) for _ in "ab")
    closed = torch.zeros(1, 20, dtype=torch.bool)
    closed[0, 10] = True
    around = base.clone()
    around[0, 8:13] = changed[0, 8:13]
    assert float(level_cost(mouth, around, base, closed, valid)) == 0
    assert float(level_cost(mouth, changed, base, closed, valid)) > 0


def test_the_past_comes_late_by_the_feedback_lag():
    codes = np.arange(1, 13, dtype=np.float32).reshape(6, 2, 1)
    seen = [feedback_of(codes, 1, np.random.default_rng(seed)) for seed in range(20)]
    own = [past for past in seen if np.any(past) and past[0].max() == 0]
    assert own
    assert all(np.all((past[1:] == codes[:-1]) | (past[1:] == 0)) for past in own)


def test_sentences_are_rich_in_what_failed():
    for fault, viseme in ((Fault.BILABIAL, Viseme.BILABIAL), (Fault.LABIODENTAL, Viseme.LABIODENTAL)):
        pulls = [pull for text in texts_for([fault], 8, 0) for pull in speak(text, 1).pulls]
        ordinary = [pull for text in BY_FAULT[Fault.SILENCE] for pull in speak(text, 1).pulls]
        share = [sum(pull.viseme is viseme for pull in part) / len(part) for part in (pulls, ordinary)]
        assert share[0] > 1.5 * share[1]


def test_held_out_sentences_are_never_trained_on():
    trained = {text for pool in BY_FAULT.values() for text in pool}
    assert not set(HELD_OUT) & trained
    assert not set(GUARD) & (trained | set(HELD_OUT))


def test_examples_weigh_the_failing_sounds_and_know_where_lips_are_shut(maker):
    examples = list(maker.failing("my mother baked a plum pie", 3, [Fault.BILABIAL]))
    assert all(example.origin is Origin.FAILING and len(example.motion) == WINDOW_FRAMES for example in examples)
    assert sum(int(example.closed.sum()) for example in examples) == 6
    assert all(np.all(example.weight[example.closed] == 1) for example in examples)
    assert 0.1 < np.mean(np.concatenate([example.weight for example in examples])) < 0.9


def test_only_sure_bilabials_of_the_own_voice_are_shut():
    phones = [Phone("P", 0.2, 0.3), Phone("M", 0.6, 0.7, sure=False), Phone("AA", 0.7, 0.9)]
    assert np.flatnonzero(closed_frames(phones, 30)).tolist() == [6]


def test_rules_move_as_far_as_the_base_does(model):
    tokens = np.random.default_rng(1).integers(TINY.codebook_size, size=(400, TINY.tokens_per_frame))
    motion = own_motion(model, model.codebook.vectors.numpy()[tokens])
    rows = np.stack([opening_row(model.basis()), width_row(model.basis())])
    style = own_style(model, motion, motion @ rows.T / 1.5)
    assert (style.opening, style.width) == pytest.approx((1.5, 1.5), rel=1e-3)

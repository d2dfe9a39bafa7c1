"""Each variant differs from the product in the one thing that it names."""

import json

import numpy as np
import pytest
import torch

from device_agent.engine.features import SAMPLE_RATE
from frame_protocol.model_package import Decode, Sampling
from model_pipeline.ablate.quantisers import Fsq, NoRevival, SimVq
from model_pipeline.ablate.report import table
from model_pipeline.ablate.run import Figures
from model_pipeline.ablate.speak import codes_of
from model_pipeline.ablate.variants import FSQ_CONFIG, NoMask, NoPrompt, PlainRope, TokenByToken
from model_pipeline.cli import main
from model_pipeline.evaluate.backend import speak
from model_pipeline.models.config import TINY
from model_pipeline.models.nano import Nano
from model_pipeline.models.tokeniser import Codebook
from model_pipeline.training import threads

FRAMES = 9


def made(kind: type[Nano]) -> Nano:
    torch.manual_seed(3)
    model = kind(TINY).eval()
    model.points.copy_(torch.randn(478, 3) * 30)
    return model


def inputs(model: Nano) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(4)
    config = model.config
    codes = torch.randn(1, FRAMES, config.tokens_per_frame, config.code_dim)
    return torch.randn(1, config.width, 1, FRAMES), codes


@torch.no_grad()
def logits(model: Nano, *, change: tuple[int, int] | None = None) -> torch.Tensor:
    audio, codes = inputs(model)
    if change:
        codes[0, change[0], change[1]] += 5.0
    return model.motion_logits(audio, model.fed_back(codes), model.null_prompt())[0]


def test_the_loop_of_the_ablations_is_the_loop_of_the_frame():
    model = made(Nano)
    audio = (np.random.default_rng(0).normal(size=SAMPLE_RATE) * 0.1).astype(np.float32)
    own = speak(model, audio, Sampling(decode=Decode.MEAN, temperature=0.7)).codes
    np.testing.assert_allclose(codes_of(model, audio, 0.7), own, atol=1e-4)


@pytest.mark.parametrize("kind", [PlainRope, NoMask, NoPrompt])
def test_leaving_an_idea_out_changes_what_the_model_says(kind):
    product, variant = made(Nano), made(kind)
    variant.load_state_dict(product.state_dict())
    assert not torch.allclose(logits(product), logits(variant), atol=1e-4)


def test_without_the_mask_the_past_reaches_a_frame_through_its_audio_token_too():
    product, variant = made(Nano), made(NoMask)
    mask, open_mask = product.spacetime.mask(2), variant.spacetime.mask(2)
    slot = TINY.slot
    assert (mask[0, 0, slot, 1:slot] < 0).all()
    assert (open_mask[0, 0, slot, 1:slot] == 0).all()
    assert (open_mask[0, 0, 0, slot:] < 0).all()


def test_a_token_in_order_hears_the_one_before_it_and_none_after_it():
    model = made(TokenByToken)
    before, after = logits(model), logits(model, change=(4, 1))
    changed = (before - after).abs().amax(dim=-1) > 1e-5
    assert not changed[:4].any()
    assert not changed[4, :2].any()
    assert changed[4, 2:].all()


def test_in_parallel_a_token_of_the_same_frame_changes_nothing():
    model = made(Nano)
    assert torch.equal(logits(model)[4], logits(model, change=(4, 1))[4])


def test_fsq_rounds_to_its_grid():
    book = Fsq(FSQ_CONFIG)
    z = torch.tensor([[0.1, -0.97, 3.0], [-9.0, 0.45, 0.99]])
    levels = torch.round((z.clamp(-1, 1) + 1) * 3.5) / 3.5 - 1
    torch.testing.assert_close(book.lookup(book.nearest(z)), levels)


def test_without_revival_a_dead_code_stays_and_with_it_moves():
    generator = torch.Generator().manual_seed(0)
    z, ids = torch.randn(64, TINY.code_dim), torch.zeros(64, dtype=torch.long)
    revived, left = Codebook(TINY), NoRevival(TINY)
    for book in (revived, left):
        book.members.fill_(0.01)
        book.members[0] = 1.0
        book.sums.copy_(book.vectors * book.members[:, None])
        book.follow(z, ids, generator)
    moved = (revived.vectors[1:, None] == z[None]).all(dim=-1).any(dim=-1)
    assert moved.all()
    assert not (left.vectors[1:, None] == z[None]).all(dim=-1).any()


def test_every_code_of_simvq_learns_from_one_of_them():
    book = SimVq(TINY)
    book.lookup(torch.tensor([3])).square().sum().backward()
    assert book.basis.weight.grad.abs().sum() > 0


def test_the_table_leaves_out_what_was_not_measured():
    text = table({"fsq": Figures(0.5, 0.9, 300.0)})
    assert "| FSQ, 8x8x8 levels (arXiv:2309.15505) |  |  |  |  |  | 0.50 | 90% | 300 |  |" in text


@pytest.fixture
def some_data(shared_data, tmp_path):
    """A folder with some of the measured clips, of several folds: the basis of all of them takes a while."""
    folder = tmp_path / "data"
    (folder / "tracks").mkdir(parents=True)
    for path in shared_data.glob("*"):
        if path.name != "tracks":
            (folder / path.name).symlink_to(path)
    for path in (shared_data / "tracks").glob("grid_*.npz"):
        (folder / "tracks" / path.name).symlink_to(path)
    return folder


@pytest.mark.shared_data
def test_a_variant_is_trained_scored_and_not_repeated(some_data, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(threads, "MAX_THREADS", 1)
    arguments = ["ablate", "--data", str(some_data), "--variants", "simvq", "--scale", "0.01", "--json", "a.json"]
    assert main(arguments) == 0
    first = json.loads((tmp_path / "a.json").read_text())
    assert 0 < first["rows"]["simvq"]["codes_used"] <= 1
    assert main(arguments) == 0
    assert json.loads((tmp_path / "a.json").read_text()) == first


def test_an_unknown_variant_names_the_known_ones(capsys):
    assert main(["ablate", "--variants", "nothing"]) == 1
    assert "as-shipped" in capsys.readouterr().err

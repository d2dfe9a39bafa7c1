"""A training that is killed ends with the weights of one that was not, whatever its settings."""

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from model_pipeline.data.samples import Sample
from model_pipeline.errors import WeightsUnusable
from model_pipeline.models.config import TINY
from model_pipeline.models.nano import Nano
from model_pipeline.training.loop import Run, Stage
from model_pipeline.training.losses import Geometry, LossWeights, losses
from model_pipeline.training.pool import Pool
from model_pipeline.training.settings import BRIEF, NANO, Settings

STEPS = 12
WAYS = {"nano": NANO, "brief": replace(BRIEF, accumulate=3)}


def normal(dice: np.random.Generator, *shape: int) -> np.ndarray:
    return dice.normal(size=shape).astype(np.float32)


def pool() -> Pool:
    dice = np.random.default_rng(0)
    flags = np.zeros(20, dtype=bool)
    samples = [Sample(name, normal(dice, 80, 80), normal(dice, 20, 16), flags, flags) for name in "abcd"]
    return Pool(samples, 20, 0, balance=True)


def stage(model: Nano, clips: Pool, *, die_at: int | None = None) -> Stage:
    readout = torch.randn(TINY.tokens_per_frame * TINY.code_dim, 16, generator=torch.Generator().manual_seed(0))
    shape = Geometry(torch.ones(16) * 0.1, torch.ones(16) * 0.1, readout)

    def loss(step, generator):
        if step == die_at:
            os._exit(9)
        batch = clips.draw(2, [0, step])
        return losses(model, batch, model.null_prompt(2), shape, generator, LossWeights()).total, {}

    return Stage("speech", STEPS, 1e-3, [*model.audio.parameters(), *model.spacetime.parameters()], loss)


def train(out, way: str = "nano", *, die_at: int | None = None) -> dict[str, torch.Tensor]:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = Nano(TINY)
    run = Run(out, model, seed=5, save_every_s=0.0, settings=WAYS[way])
    run.resume()
    run.train(stage(model, pool(), die_at=die_at))
    return model.state_dict()


def killed(out, way: str, die_at: int) -> int:
    """Train in another process that kills itself in micro-batch ``die_at``; return its exit code."""
    code = (
        "import sys, pathlib, importlib.util as u;"
        f"s=u.spec_from_file_location('t', {__file__!r}); m=u.module_from_spec(s); s.loader.exec_module(m);"
        f"m.train(pathlib.Path({str(out)!r}), {way!r}, die_at={die_at})"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run([sys.executable, "-c", code], check=False, env=environment).returncode


@pytest.mark.parametrize(
    ("way", "die_at"), [("nano", 7), ("brief", 7 * 3 + 1)], ids=["plain", "bf16, inside an accumulated step"]
)
def test_a_killed_training_goes_on_and_ends_with_the_same_weights(way, die_at, tmp_path):
    assert killed(tmp_path / "killed", way, die_at) == 9
    resumed = train(tmp_path / "killed", way)
    whole = train(tmp_path / "whole", way)
    assert all(torch.equal(resumed[name], whole[name]) for name in whole)


def test_a_training_does_not_go_on_with_other_settings(tmp_path):
    train(tmp_path)
    with pytest.raises(WeightsUnusable, match="accumulate"):
        Run(tmp_path, Nano(TINY), settings=Settings(accumulate=2)).resume()


def test_training_lowers_the_loss(tmp_path):
    torch.manual_seed(0)
    model = Nano(TINY)
    run = Run(None, model, seed=5)
    run.train(stage(model, pool()))
    assert run.curves[-1]["loss"] < run.curves[0]["loss"]


def test_speakers_weigh_the_same_however_long_they_spoke():
    dice = np.random.default_rng(0)

    def sample(name: str, frames: int) -> Sample:
        flags = np.zeros(frames, dtype=bool)
        return Sample(name, normal(dice, 80, 4 * frames), normal(dice, frames, 16), flags, flags)

    clips = Pool([sample("long", 200), sample("short", 20)], 20, 0, balance=True)
    share = sum(w for w, name in zip(clips.weights, clips.speakers, strict=True) if name == "short")
    assert share == 0.5

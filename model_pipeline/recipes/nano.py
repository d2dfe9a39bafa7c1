"""The complete training of ``nano``: tokeniser, pretraining on synthetic speech, tuning on real people.

tokeniser   motion of tracks and rules             -> codes, decoder
pretrain    synthetic speech, rule visemes          -> pretrained.safetensors (what ``evaluate`` starts from)
tune        real tracks, synthetic speech, photos   -> weights.safetensors (INT8, what packages carry)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from frame_protocol.model_package import WEIGHTS
from model_pipeline.data import basis as basis_of
from model_pipeline.data import clips, samples
from model_pipeline.data.samples import Controls, Sample, SpeakerMotion
from model_pipeline.data.tracks import Track, load_tracks
from model_pipeline.errors import WeightsUnusable
from model_pipeline.export import int8
from model_pipeline.models.config import NANO, ModelConfig
from model_pipeline.models.nano import Nano
from model_pipeline.training import stages
from model_pipeline.training.loop import Run, Silent, Watcher
from model_pipeline.training.photos import PhotoBook
from model_pipeline.training.pool import Pool
from model_pipeline.training.settings import Settings
from model_pipeline.training.stages import Sizes

PRETRAINED = "pretrained.safetensors"
TUNE_SYNTHETIC = 250
"""Synthetic clips that accompany the real ones."""
SEED = 0


@dataclass(frozen=True)
class Material:
    """Everything that a training reads, made once."""

    tracks: list[Track]
    motions: list[SpeakerMotion]
    shape: Controls
    synthetic: list[Sample]


def train_nano(  # noqa: PLR0917
    data: Path,
    out: Path,
    sizes: Sizes,
    watcher: Watcher,
    config: ModelConfig = NANO,
    settings: Settings | None = None,
) -> Nano:
    """Train from nothing, or go on where a killed training stopped; write both weight files to ``out``."""
    torch.manual_seed(SEED)
    model = Nano(config)
    settings = settings or Settings()
    sizes = stages.batched(sizes, settings.micro_batch)
    run = Run(out, model, SEED, watcher, settings=settings)
    resumed = run.resume()
    tracks = load_tracks(data)
    if not resumed:
        model.set_basis(basis_of.build(tracks, basis_of.mirror_index(data)))
    material = gather(model, tracks, sizes.synthetic_clips)
    run.train(stages.tokeniser(model, material.motions, material.synthetic, sizes, SEED))
    pool = Pool(material.synthetic, sizes.frames, SEED, balance=False)
    run.train(stages.pretrain(model, pool, sizes, SEED))
    if not (out / PRETRAINED).is_file():
        save_pretrained(model, out / PRETRAINED)
    book = PhotoBook(*clips.photos(data, model.points.numpy()))
    real = real_pool(material.motions, sizes, SEED)
    run.train(stages.tune(model, real, pool, sizes, SEED))
    run.train(stages.photos(model, book, real, pool, sizes, SEED))
    int8.save(model, out / WEIGHTS)
    return model


def gather(model: Nano, tracks: Sequence[Track], clips_wanted: int) -> Material:
    """Read the motion of the tracks in the model's own basis, and speak the synthetic clips."""
    basis = model.basis()
    motions = samples.speaker_motion(tracks, basis)
    shape = samples.controls(motions, basis)
    spoken = [samples.synthetic_sample(seed, shape) for seed in range(clips_wanted)]
    return Material(list(tracks), motions, shape, spoken)


def real_pool(motions: Sequence[SpeakerMotion], sizes: Sizes, seed: int) -> Pool:
    """Return real clips, clean once and disturbed ``real_versions - 1`` times."""
    dice = np.random.default_rng([seed, 77])
    found = [
        samples.real_sample(m, dice if version else None) for version in range(sizes.real_versions) for m in motions
    ]
    return Pool(found, sizes.frames, seed, balance=True)


def fold_pools(model: Nano, train: Sequence[Track], sizes: Sizes, seed: int) -> tuple[Pool, Pool]:
    """Return real clips of the training folds alone, and the synthetic ones that accompany them."""
    material = gather(model, train, TUNE_SYNTHETIC)
    synthetic = Pool(material.synthetic, sizes.frames, SEED, balance=False)
    return real_pool(material.motions, sizes, seed), synthetic


def tune_fold(  # noqa: PLR0917
    model: Nano, real: Pool, synthetic: Pool, sizes: Sizes, seed: int, watcher: Watcher | None = None
) -> None:
    """Run the stage that hears real people on ``real``."""
    Run(None, model, seed, watcher or Silent()).train(stages.tune(model, real, synthetic, sizes, seed))


def save_pretrained(model: Nano, path: Path) -> None:
    """Write the weights before tuning, at half precision."""
    state = {
        n: t.detach().half().contiguous() if n not in _WHOLE else t.contiguous()
        for n, t in model.state_dict().items()
    }
    save_file({n: t for n, t in state.items() if n not in _DERIVED}, path)


_WHOLE = ("points",)
_DERIVED = ("codebook.members", "codebook.sums")


def load_pretrained(path: Path, config: ModelConfig = NANO) -> Nano:
    """Return the model before tuning."""
    if not path.is_file():
        raise WeightsUnusable(f"{path} is missing; it comes with the repository, or from: make train-nano")
    model = Nano(config)
    state = {name: tensor.float() for name, tensor in load_file(path).items()}
    own = model.state_dict()
    missing = [n for n in own if n not in _DERIVED and (n not in state or state[n].shape != own[n].shape)]
    if missing:
        raise WeightsUnusable(f"{path} does not fit {config.family}: {missing[:4]}; train again with make train-nano")
    model.load_state_dict(state, strict=False)
    return model

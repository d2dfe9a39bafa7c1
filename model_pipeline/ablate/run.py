"""Train and score one variant: a small training from nothing, one fold held out."""

import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from device_agent.engine import canonical
from model_pipeline.ablate.speak import codes_of, maps_of
from model_pipeline.ablate.variants import Variant
from model_pipeline.data import basis as basis_of
from model_pipeline.data import folds, samples
from model_pipeline.data.tracks import Track, load_tracks
from model_pipeline.evaluate.fluency import codebook_use
from model_pipeline.evaluate.speech import check_speech
from model_pipeline.models.nano import Nano, lip_sampler
from model_pipeline.recipes.nano import SEED, Material, gather, real_pool
from model_pipeline.score import lips_of_maps, mean_score, score, truth
from model_pipeline.training import stages
from model_pipeline.training.loop import Run, Watcher
from model_pipeline.training.pool import Pool
from model_pipeline.training.stages import Sizes

TEMPERATURE, GAIN = 1.3, 1.3
"""How every row of the table shows the mean of its codes."""


@dataclass(frozen=True)
class Figures:
    """One row of the table; nan where a variant only compares tokenisers."""

    lip_error_mm: float
    """Held-out motion through the codes and back."""
    codes_used: float
    perplexity: float
    r_opening: float = float("nan")
    r_width: float = float("nan")
    amplitude: float = float("nan")
    jitter_mm: float = float("nan")
    closures: float = float("nan")
    """Share of P, B, M of synthetic sentences with lips together."""
    ms_per_frame: float = float("nan")
    """Of this loop, on one thread: compare rows, not with the frame."""


@dataclass(frozen=True)
class Setting:
    """What all variants share."""

    data: Path
    fold: int
    sizes: Sizes


def measure(variant: Variant, setting: Setting, watcher: Watcher) -> Figures:
    """Train ``variant`` and score it on the speakers of the fold."""
    torch.manual_seed(SEED)
    model, sizes = variant.build(), setting.sizes
    train, held_out = folds.split(load_tracks(setting.data), setting.fold)
    model.set_basis(basis_of.build(train, basis_of.mirror_index(setting.data)))
    material = gather(model, train, sizes.synthetic_clips)
    run = Run(None, model, SEED, watcher)
    run.train(stages.tokeniser(model, material.motions, material.synthetic, sizes, SEED))
    found = _tokeniser(model, held_out)
    if not variant.speaks:
        return found
    _listen(run, model, material, sizes)
    return Figures(**{**asdict(found), **_speech(model, held_out)})


def _listen(run: Run, model: Nano, material: Material, sizes: Sizes) -> None:
    pool = Pool(material.synthetic, sizes.frames, SEED, balance=False)
    run.train(stages.pretrain(model, pool, sizes, SEED))
    run.train(stages.tune(model, real_pool(material.motions, sizes, SEED), pool, sizes, SEED))


@torch.inference_mode()
def _tokeniser(model: Nano, held_out: list[Track]) -> Figures:
    motion = np.concatenate([m.motion for m in samples.speaker_motion(held_out, model.basis())])
    vectors = model.encoder(torch.from_numpy(motion.astype(np.float32)))
    ids = model.codebook.nearest(vectors)
    back = model.codebook.lookup(ids).flatten(1) @ torch.linalg.pinv(model.encoder.project.weight).T
    sampler = lip_sampler(model.points.numpy(), list(canonical.LIPS))
    away = torch.tensordot(back - torch.from_numpy(motion).float(), model.maps, dims=1).flatten(2) @ sampler.T
    upper, lower = away[:, :2].square().sum(dim=1).sqrt(), away[:, 2:].square().sum(dim=1).sqrt()
    used, perplexity = codebook_use(ids.numpy(), model.codebook.vectors.shape[0])
    return Figures(float(torch.cat([upper, lower]).mean()), used, perplexity)


def _speech(model: Nano, held_out: list[Track]) -> dict[str, float]:
    basis = model.basis()
    start, frames, scores = time.thread_time(), 0, []
    for track in held_out:
        maps = _maps(model, track.audio)
        frames += len(maps)
        scores.append(score(lips_of_maps(track, maps, basis.points, basis.opening_map), truth(track)))
    spent = time.thread_time() - start
    mean = mean_score(scores)

    _, speech = check_speech(lambda audio: list(_maps(model, audio)), basis.points)
    return {
        "r_opening": mean["r_opening"], "r_width": mean["r_width"], "amplitude": mean["amplitude_ratio"],
        "jitter_mm": mean["jitter_mm"], "closures": speech["closure_share"], "ms_per_frame": 1e3 * spent / frames,
    }  # fmt: skip


def _maps(model: Nano, audio: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the maps [F,4,64,64] of the warm mean, by which all rows of the table are compared."""
    return maps_of(model, codes_of(model, audio, TEMPERATURE)) * np.float32(GAIN)

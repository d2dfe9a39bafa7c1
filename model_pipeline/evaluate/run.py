"""Scores on speakers held out: per fold the last stage is trained again from the pretrained weights.

What the pretrained weights saw: synthetic speech, and the motion (never the sound) of all tracks.
No pair of sound and motion of a held-out speaker is seen by anything that is scored on it.
"""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field
from multiprocessing import get_context
from pathlib import Path

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray

from frame_protocol.model_package import Decode, Sampling
from model_pipeline.data import folds, samples
from model_pipeline.data.tracks import Track, load_tracks
from model_pipeline.evaluate import baselines, convnet
from model_pipeline.evaluate.backend import speak
from model_pipeline.evaluate.convnet import ConvNet
from model_pipeline.evaluate.score import Score, lips_of_maps, mean_score, score, truth
from model_pipeline.models.nano import Nano
from model_pipeline.recipes.nano import SEED, fold_pools, load_pretrained, tune_fold
from model_pipeline.training.stages import Sizes

ROWS = ("static", "loudness", "ridge", "conv net", "argmax", "drawn", "shipped")
DRAWN = Sampling(decode=Decode.DRAW, temperature=0.15)
"""Chance as little as keeps the correlation: for comparison with the mean of the codes."""
Maps = NDArray[np.floating]


@dataclass
class Report:
    """Scores of every row: row -> clip id -> score."""

    rows: dict[str, dict[str, Score]] = field(default_factory=lambda: {row: {} for row in ROWS})
    seconds: dict[str, float] = field(default_factory=dict)
    settings: dict[str, object] = field(default_factory=dict)

    def add(self, row: str, track: Track, predicted: NDArray[np.floating]) -> None:
        """Score lip points [F,40,3] of one clip."""
        self.rows[row][track.id] = score(predicted, truth(track))
        self.seconds[track.id] = len(track.points) / 25

    def merge(self, other: "Report") -> None:
        """Take over the scores of other clips."""
        for row, scores in other.rows.items():
            self.rows[row].update(scores)
        self.seconds.update(other.seconds)

    def table(self) -> dict[str, dict[str, float]]:
        """Mean over clips of every row, and the same weighted by seconds for the correlation of the opening."""
        found = {}
        for row, scores in self.rows.items():
            if scores:
                weights = np.array([self.seconds[clip] for clip in scores])
                r = np.array([s.r_opening for s in scores.values()])
                mean = mean_score(list(scores.values()))
                found[row] = {**mean, "r_opening_by_seconds": float((r * weights).sum() / weights.sum())}
        return found

    def as_json(self) -> dict[str, object]:
        """Return the report: see docs of ``evaluate`` for the keys."""
        clips = {row: {clip: asdict(s) for clip, s in scores.items()} for row, scores in self.rows.items()}
        return {"v": 1, "settings": self.settings, "rows": self.table(), "clips": clips}


def evaluate(
    data: Path, weights: Path, sampling: Sampling, *, chosen: Sequence[int], sizes: Sizes, done: Callable[[int], None]
) -> Report:
    """Run the folds ``chosen``, one on each core, and return every score; ``done`` hears of each fold that ends."""
    whole = Report(settings={**msgspec.structs.asdict(sampling), "tune_steps": sizes.tune_steps})
    workers = min(len(chosen), len(os.sched_getaffinity(0)))
    with ProcessPoolExecutor(workers, get_context("spawn"), initializer=torch.set_num_threads, initargs=(1,)) as pool:
        running = {pool.submit(run_fold, data, weights, sampling, fold, sizes): fold for fold in chosen}
        for finished in as_completed(running):
            whole.merge(finished.result())
            done(running[finished])
    return whole


def run_fold(data: Path, weights: Path, sampling: Sampling, fold: int, sizes: Sizes) -> Report:
    """Train model and peer on the other folds, and score the speakers of ``fold``."""
    train, held_out = folds.split(load_tracks(data), fold)
    model, report = load_pretrained(weights), Report()
    real, synthetic = fold_pools(model, train, sizes, SEED + fold)
    peer = convnet.train(real, samples.opening_row(model.basis()), SEED + fold)
    tune_fold(model, real, synthetic, sizes, SEED + fold)
    score_fold(model, peer, train, held_out, sampling=sampling, report=report)
    return report


def score_fold(
    model: Nano,
    peer: ConvNet,
    train: Sequence[Track],
    held_out: Sequence[Track],
    *,
    sampling: Sampling,
    report: Report,
) -> None:
    """Add the held-out clips of one fold to every row."""
    basis = model.basis()
    known, unknown = samples.speaker_motion(train, basis), samples.speaker_motion(held_out, basis)

    def lips(track: Track, maps: Maps) -> NDArray[np.floating]:
        return lips_of_maps(track, maps, basis.points, basis.opening_map)

    rows = {
        "loudness": baselines.loud(known, unknown),
        "ridge": baselines.ridge(known, unknown),
        "conv net": [convnet.predict(peer, motion) for motion in unknown],
    }
    for row, predicted in rows.items():
        for motion, coefficients in zip(unknown, predicted, strict=True):
            maps = np.tensordot(coefficients, basis.maps, axes=1)
            report.add(row, motion.track, lips(motion.track, maps))
    for track in held_out:
        report.add("static", track, np.repeat(truth(track)[:1], len(track.points), axis=0))
        for row, way in (("argmax", Sampling(temperature=0.0)), ("drawn", DRAWN), ("shipped", sampling)):
            report.add(row, track, lips(track, speak(model, track.audio, way)))

"""Scores on speakers held out: every fold under every seed in a process, what is done kept, then one report."""

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from model_pipeline.data import folds, samples
from model_pipeline.data.tracks import Track, load_tracks, trusted_lags
from model_pipeline.evaluate import judge
from model_pipeline.evaluate.fluency import codebook_use
from model_pipeline.evaluate.predict import TEMPERATURES, Predictions, at, run_as_is, run_fold
from model_pipeline.evaluate.report import Report, Task, build
from model_pipeline.export.int8 import load_model
from model_pipeline.models.nano import Nano
from model_pipeline.recipes.nano import load_pretrained
from model_pipeline.training.stages import Sizes

SPOKEN, UNHEARD = 60, 900_000
"""Sentences by rule for the codebook's figures, and the first of their seeds."""
RECIPE = ("data", "models", "recipes", "training", "evaluate/predict.py", "evaluate/convnet.py")
"""What predictions depend on besides weights and sizes: when any of it changes, they are made again."""


def evaluate(
    data: Path, weights: Path, chosen: Sequence[int], seeds: int, *, sizes: Sizes, work: Path,
    done: Callable[[int], None],
) -> Report:  # fmt: skip
    """Run folds ``chosen`` under ``seeds`` seeds, one on each core; ``done`` hears of each that ends.

    Killed, it goes on from the folds in ``work`` that were ended under the same weights, sizes and code.
    """
    tasks = [(fold, seed) for seed in range(seeds) for fold in chosen]
    out = work / _digest(weights, sizes)
    out.mkdir(parents=True, exist_ok=True)
    workers = min(len(tasks), len(os.sched_getaffinity(0)))
    paths: dict[tuple[int, int], Path] = {}
    with ProcessPoolExecutor(workers, get_context("spawn"), initializer=torch.set_num_threads, initargs=(1,)) as pool:
        running = {pool.submit(run_fold, data, weights, *task, sizes=sizes, out=out): task for task in tasks}
        for finished in as_completed(running):
            paths[running[finished]] = finished.result()
            done(running[finished][0])
    report = _report(data, {task: Predictions.load(path) for task, path in paths.items()})
    report.codebook = _codebook(load_pretrained(weights), load_tracks(data))
    report.settings |= {"sizes": asdict(sizes), "seeds": seeds, "digest": out.name}
    return report


def evaluate_as_is(data: Path, weights: Path, chosen: Sequence[int], done: Callable[[int], None]) -> Report:
    """Score weights that heard none of the tracks, on all of them."""
    found = {}
    for fold in chosen:
        found[fold, 0] = run_as_is(data, weights, fold)
        done(fold)
    report = _report(data, found)
    report.codebook = _codebook(load_model(weights), load_tracks(data))
    report.settings |= {"seeds": 1, "as_is": weights.parent.name}
    return report


def _report(data: Path, predictions: Mapping[Task, Predictions]) -> Report:
    tracks = load_tracks(data)
    judges = {fold: judge.learn(folds.split(tracks, fold)[0], fold) for fold in sorted({f for f, _ in predictions})}
    return build(tracks, predictions, judges, trusted_lags(data), [at(t) for t in TEMPERATURES])


def _codebook(model: Nano, tracks: Sequence[Track]) -> dict[str, tuple[float, float]]:
    """How real motion, and motion by rule that nothing was trained on, use the codes."""
    basis = model.basis()
    motions = samples.speaker_motion(tracks, basis)
    shape = samples.controls(motions, basis)
    spoken = [samples.synthetic_sample(UNHEARD + index, shape).motion for index in range(SPOKEN)]

    def tokens(motion: Sequence[NDArray[np.floating]]) -> NDArray[np.integer]:
        with torch.inference_mode():
            vectors = model.encoder(torch.from_numpy(np.concatenate(motion).astype(np.float32)))
            return model.codebook.nearest(vectors).numpy()

    real, rules = tokens([m.motion for m in motions]), tokens(spoken)
    size = model.config.codebook_size
    return {
        "real motion": codebook_use(real, size),
        "motion by rule": codebook_use(rules, size),
        "both": codebook_use(np.concatenate([real, rules]), size),
    }


def _digest(weights: Path, sizes: Sizes) -> str:
    """Name a folder after everything that predictions depend on."""
    root = Path(__file__).resolve().parent.parent
    found = hashlib.sha256(weights.read_bytes() + json.dumps(asdict(sizes), sort_keys=True).encode())
    for name in RECIPE:
        place = root / name
        for path in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            found.update(path.read_bytes())
    return found.hexdigest()[:12]

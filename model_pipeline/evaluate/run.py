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
from model_pipeline.evaluate.predict import SETTINGS, Predictions, run_as_is, run_fold
from model_pipeline.evaluate.report import Report, Task, build
from model_pipeline.export.int8 import load_model
from model_pipeline.models.nano import Nano
from model_pipeline.recipes.nano import load_pretrained
from model_pipeline.training.stages import Sizes

SPOKEN, UNHEARD = 60, 900_000
"""Sentences by rule for the codebook's figures, and the first of their seeds."""
TRAINING = ("data", "models", "recipes", "training", "evaluate/fold.py", "evaluate/convnet.py")
"""What the models of the folds depend on besides weights and sizes: a change has them trained again."""
SPEAKING = ("evaluate/predict.py", "evaluate/backend.py", "export/graphs.py", "score.py")
"""What predictions depend on besides: a change has them made again, by the models that are there."""


def evaluate(
    data: Path, weights: Path, chosen: Sequence[int], seeds: int, *, sizes: Sizes, work: Path,
    done: Callable[[int], None],
) -> Report:  # fmt: skip
    """Run folds ``chosen`` under ``seeds`` seeds, one on each core; ``done`` hears of each that ends.

    Killed, it goes on from the folds in ``work`` that were ended under the same weights, sizes and code.
    """
    tasks = [(fold, seed) for seed in range(seeds) for fold in chosen]
    models, out = places(work, weights, sizes)
    workers = min(len(tasks), len(os.sched_getaffinity(0)))
    paths: dict[tuple[int, int], Path] = {}
    with ProcessPoolExecutor(workers, get_context("spawn"), initializer=torch.set_num_threads, initargs=(1,)) as pool:
        running = {
            pool.submit(run_fold, data, weights, *task, sizes=sizes, models=models, out=out): task for task in tasks
        }
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
    return build(tracks, predictions, judges, trusted_lags(data), [str(setting) for setting in SETTINGS])


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


def places(work: Path, weights: Path, sizes: Sizes) -> tuple[Path, Path]:
    """Return the folders of models and predictions, named after everything that they depend on."""
    found = hashlib.sha256(weights.read_bytes() + json.dumps(asdict(sizes), sort_keys=True).encode())
    _add_code(found, TRAINING)
    models = work / f"models-{found.hexdigest()[:12]}"
    _add_code(found, SPEAKING)
    out = work / found.hexdigest()[:12]
    for folder in (models, out):
        folder.mkdir(parents=True, exist_ok=True)
    return models, out


def _add_code(found: "hashlib._Hash", names: Sequence[str]) -> None:
    root = Path(__file__).resolve().parent.parent
    for name in names:
        place = root / name
        for path in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            found.update(path.read_bytes())

"""Retraining on a maker's own recordings: the pretrained weights are tuned on prepared tracks, then packed.

prepared tracks, photos  -> tune, photos (the stages of ``nano``, from its pretrained weights) -> INT8 -> package

What a maker may ship depends on its recordings and on what the pretrained weights saw: their model card says that.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch

from device_agent.engine import canonical
from frame_protocol.model_package import WEIGHTS
from model_pipeline.data.tracks import Track, by_speaker, load_tracks
from model_pipeline.errors import DataMissing, WeightsUnusable
from model_pipeline.export import int8
from model_pipeline.export.package import CARD, WEIGHTS_DIR, package_weights
from model_pipeline.prepare.collect import PHOTOS, TRACKS
from model_pipeline.prepare.runner import digest_of
from model_pipeline.recipes.nano import PRETRAINED, SEED, TUNE_SYNTHETIC, gather, load_pretrained, real_pool
from model_pipeline.training import stages
from model_pipeline.training.loop import CHECKPOINT, Run, Watcher
from model_pipeline.training.photos import PhotoBook
from model_pipeline.training.pool import Pool
from model_pipeline.training.settings import Settings
from model_pipeline.training.stages import Sizes

PREPARED, PACKAGE, MATERIAL = "prepared", "model.lfm", "material.json"
LEAST_SECONDS = 2.0
"""Less than this cannot even fill one batch with different moments; useful amounts begin at some minutes."""


@dataclass(frozen=True)
class Trained:
    """What a training left."""

    model_id: str
    package: Path
    seconds: float
    """Of recordings that were learnt from."""
    last: dict[str, dict[str, float]]
    """Stage -> figures of its last step."""

    def as_json(self) -> dict[str, object]:
        """Return the figures."""
        return {"model_id": self.model_id, "seconds_learnt_from": round(self.seconds, 2), "last_figures": self.last}


def train_own(  # noqa: PLR0917
    prepared: Path, out: Path, sizes: Sizes, settings: Settings, watcher: Watcher, start: Path = WEIGHTS_DIR
) -> Trained:
    """Tune the weights in ``start`` on what ``prepare`` wrote; write weights, card, curves and package to ``out``.

    Raises DataMissing where the recordings left too little, WeightsUnusable where ``out`` holds another training.
    """
    tracks = own_tracks(prepared)
    sizes = stages.batched(sizes, settings.micro_batch)
    begin_or_go_on(prepared, out, sizes)
    torch.manual_seed(SEED)
    model = load_pretrained(start / PRETRAINED)
    run = Run(out, model, SEED, watcher, settings=settings)
    run.resume()
    material = gather(model, tracks, min(TUNE_SYNTHETIC, sizes.synthetic_clips))
    synthetic = Pool(material.synthetic, sizes.frames, SEED, balance=False)
    real = real_pool(material.motions, sizes, SEED)
    run.train(stages.tune(model, real, synthetic, sizes, SEED))
    run.train(stages.photos(model, photo_book(prepared), real, synthetic, sizes, SEED))
    int8.save(model, out / WEIGHTS)
    seconds = sum(len(track.points) for track in tracks) / 25
    (out / CARD).write_text(card(tracks, seconds, settings, start), encoding="utf-8")
    manifest = package_weights(out, out / PACKAGE)
    return Trained(manifest.model_id, out / PACKAGE, seconds, _last(run.curves))


def begin_or_go_on(prepared: Path, out: Path, sizes: Sizes) -> None:
    """Note what is learnt from in ``out``; refuse to go on with a training that was begun on something else."""
    files = [*sorted((prepared / TRACKS).glob("*.npz")), prepared / PHOTOS]
    now = {"sizes": asdict(sizes), "material": {path.name: digest_of(path) for path in files}}
    note = out / MATERIAL
    if (out / CHECKPOINT).is_file() and note.is_file() and json.loads(note.read_text(encoding="utf-8")) != now:
        raise WeightsUnusable(
            f"{out} holds a training on other recordings, or of another length; train into another folder, "
            f"or remove {out / CHECKPOINT} to begin anew"
        )
    note.write_text(json.dumps(now, indent=1) + "\n", encoding="utf-8")


def own_tracks(prepared: Path) -> list[Track]:
    """Return the prepared tracks, all clips of a speaker laid on the first one's head."""
    if not any((prepared / TRACKS).glob("*.npz")):
        raise DataMissing(
            f"nothing of the recordings can be trained on: {prepared / TRACKS} is empty; "
            f"{prepared / 'report.json'} says what was set aside and what to do"
        )
    tracks = load_tracks(prepared)
    seconds = sum(len(track.points) for track in tracks) / 25
    if seconds < LEAST_SECONDS:
        raise DataMissing(
            f"the recordings left {seconds:.1f} s of speech; {LEAST_SECONDS:.0f} s are the least, "
            f"some minutes are useful; {prepared / 'report.json'} says what was set aside"
        )
    return [track for group in by_speaker(tracks).values() for track in laid_together(group)]


def laid_together(clips: Sequence[Track]) -> list[Track]:
    """Return clips of one speaker in one head's coordinates: each was laid on its own first frame."""
    first = clips[0].points[0]
    return [
        replace(clip, points=canonical.align(clip.points[0], first).apply(clip.points).astype(np.float32))
        for clip in clips
    ]


def photo_book(prepared: Path) -> PhotoBook:
    """Return the prepared photos; they are aged once more, by chance, whenever they are drawn."""
    with np.load(prepared / PHOTOS) as packed:
        return PhotoBook(packed["pixels"], packed["rest"])


def card(tracks: Sequence[Track], seconds: float, settings: Settings, start: Path) -> str:
    """Return the model card of a private training."""
    people = sorted({track.speaker for track in tracks})
    return (
        "# Model card: weights of a private training\n\n"
        f"Tuned on {seconds:.1f} s of own recordings in {len(tracks)} clips of {len(people)} speakers "
        f"({', '.join(people)}), beside synthetic speech with rule visemes, from the pretrained weights of "
        f"{start.name!r}. Settings: {settings.as_state()}.\n\n"
        "Landmarks come from the frame's plain face mesh; the lag between lips and sound was taken as 0. Nothing\n"
        "was held out: no figure here says how good these weights are on other people.\n\n"
        "Whether they may be shipped depends on the consent of the people recorded, and on what the pretrained\n"
        "weights saw:\n\n"
        "---\n\n" + (start / CARD).read_text(encoding="utf-8")
    )


def _last(curves: Sequence[dict[str, float | str]]) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for entry in curves:
        found[str(entry["stage"])] = {k: float(v) for k, v in entry.items() if k not in {"stage", "step"}}
    return found

"""The complete training of ``nano-clear``: only what a maker may ship.

Faces, their motion and their pictures are rendered heads (CC0 assets); speech is synthetic; how the lips move is said
by rules set by hand. No track, clip or photo of a person enters, so ``evaluate --as-is`` may score it on all of them.

rendered heads, rules -> canonical face, motion basis
motion by rule        -> codes, decoder
synthetic speech      -> audio encoder, transformer
rendered photos       -> visual prompt, INT8 weights
"""

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from device_agent.engine import canonical, features
from device_agent.engine.photo.aligned import aligned_crop
from frame_protocol.model_package import WEIGHTS
from model_pipeline.data import basis as basis_of
from model_pipeline.data import samples, speakers, texts, visemes
from model_pipeline.data.basis import MotionBasis
from model_pipeline.data.samples import SpeakerMotion
from model_pipeline.data.tracks import Track
from model_pipeline.export import int8
from model_pipeline.models.config import NANO, ModelConfig
from model_pipeline.models.nano import Nano
from model_pipeline.recipes.nano import SEED
from model_pipeline.studio.face import face_operator, mirror_of
from model_pipeline.studio.head import MOTION_SCALE, Head, make_head
from model_pipeline.studio.identity import draw_person
from model_pipeline.studio.picture import Studio, camera, draw_shot
from model_pipeline.studio.rig import Rig, actions, make_rig
from model_pipeline.training import stages
from model_pipeline.training.loop import Run, Watcher
from model_pipeline.training.photos import PhotoBook
from model_pipeline.training.pool import Pool
from model_pipeline.training.stages import Sizes

HEADS, PHOTOS = 24, 48
FIRST_PHOTO = 10_000
"""Seeds of the heads that are photographed; those whose motion is learnt count from 0."""
CLIPS_PER_HEAD = 3
PHOTO_SIDE = 384
PHOTO_OPENINGS_MM, PHOTO_WIDTHS_MM = (0.0, 12.0), (-5.0, 5.0)
SHUT_SHARE = 0.5
"""Of the photos, whose mouths are closed."""
HABITS = ("mouthLeft", "mouthRight", "mouthSmile", "mouthFrown", "mouthDimple", "mouthStretch", "mouthUpperUp")
"""Actions that do not press the lips together."""
HABIT, HABIT_FRAMES = 0.08, 10
"""Spread of the amounts, and frames between two of them."""
STYLE = visemes.Style(opening=1.3)


def train_clear(
    out: Path, sizes: Sizes, watcher: Watcher, drawn: Callable[[], None], config: ModelConfig = NANO
) -> Nano:
    """Train from nothing, or go on where a killed training stopped; ``drawn`` hears of each head and photo."""
    torch.manual_seed(SEED)
    model = Nano(config)
    run = Run(out, model, SEED, watcher)
    resumed = run.resume()
    basis, motions = learn_faces(drawn, HEADS)
    if not resumed:
        model.set_basis(basis)
    shape = samples.controls(motions, model.basis())
    spoken = [samples.synthetic_sample(seed, shape) for seed in range(sizes.synthetic_clips)]
    pool = Pool(spoken, sizes.frames, SEED, balance=False)
    run.train(stages.tokeniser(model, motions, spoken, sizes, SEED))
    run.train(stages.pretrain(model, pool, sizes, SEED))
    book = photograph(PHOTOS, model.points.numpy(), drawn)
    run.train(stages.photos(model, book, pool, pool, sizes, SEED))
    int8.save(model, out / WEIGHTS)
    return model


def learn_faces(drawn: Callable[[], None], heads: int) -> tuple[MotionBasis, list[SpeakerMotion]]:
    """Return the space of motion of rendered heads, and their motion while they speak by rule."""
    people = [make_head(draw_person(seed)) for seed in range(heads)]
    operator = face_operator(people[0].asset)
    faces = [np.asarray(operator @ head.rest, dtype=np.float64) for head in people]
    mirror = mirror_of(np.mean(faces, axis=0))
    points = basis_of.mean_face(faces, mirror)
    moved = []
    for seed, (head, face) in enumerate(zip(people, faces, strict=True)):
        moved.append(_spoken_motion(head, face, points, seed))
        drawn()
    basis = basis_of.of_motion(points, np.concatenate(moved).reshape(-1, 2 * len(points)).astype(np.float64), mirror)
    return basis, [_as_speaker(seed, basis.coefficients(m), len(points)) for seed, m in enumerate(moved)]


def _spoken_motion(
    head: Head, face: NDArray[np.float64], points: NDArray[np.float64], seed: int
) -> NDArray[np.float32]:
    """Return canonical displacements [T,478,2] in mm of a head that speaks some sentences by rule."""
    operator = face_operator(head.asset)
    units = np.stack([operator @ row.toarray().reshape(-1, 3) for row in head.asset.units]) * MOTION_SCALE
    rig, found = make_rig(head), []
    for clip in range(CLIPS_PER_HEAD):
        shares = _shares(rig, seed * CLIPS_PER_HEAD + clip)
        frames = (face + np.tensordot(shares, units, axes=1)).astype(np.float32)
        found.append(basis_of.displacement(frames, face.astype(np.float32), points))
    return np.concatenate(found)


def _shares(rig: Rig, seed: int) -> NDArray[np.float64]:
    """Return facial actions [T,52] of one sentence."""
    words = random.Random(seed)  # noqa: S311
    name = texts.voice(words)
    spoken = speakers.drawn(texts.sentence(words, name), name, words)
    pulls = visemes.pulls(spoken.phonemes)
    frames = features.frame_count(spoken.audio.size)
    by_rule = rig.speak(visemes.lips(pulls, frames, None, STYLE))
    return by_rule + _habits(rig, frames, np.random.default_rng([seed, 9]))


def _habits(rig: Rig, frames: int, dice: np.random.Generator) -> NDArray[np.float64]:
    """Return what a mouth does besides [T,52]: slowly drifting amounts of the other actions of mouth and jaw."""
    names = rig.head.asset.unit_names
    free = np.array([name.startswith(HABITS) for name in names])
    knots = np.clip(dice.normal(0, HABIT, (frames // HABIT_FRAMES + 2, len(names))), 0, None) * free
    at = np.arange(frames) / HABIT_FRAMES
    return np.stack([np.interp(at, np.arange(len(knots)), column) for column in knots.T], axis=1)


def _as_speaker(seed: int, motion: NDArray[np.float32], points: int) -> SpeakerMotion:
    """Dress motion up as a speaker's; it has no sound, and nothing of it but the motion is read."""
    silent = np.zeros(0, dtype=np.float32)
    track = Track(f"head-{seed}", f"head-{seed}", "", silent, np.zeros((0, points, 3), dtype=np.float32))
    return SpeakerMotion(track, motion, 1.0)


def photograph(count: int, points: NDArray[np.float32], drawn: Callable[[], None]) -> PhotoBook:
    """Return aligned photos of heads by chance, with what their mouths truly measure."""
    pixels, rest = [], []
    for number in range(FIRST_PHOTO, FIRST_PHOTO + count):
        dice = np.random.default_rng(number)
        head, shot = make_head(draw_person(number)), draw_shot(number, size=PHOTO_SIDE)
        rig, operator = make_rig(head), face_operator(head.asset)
        asked = np.array([[dice.uniform(*PHOTO_OPENINGS_MM), dice.uniform(*PHOTO_WIDTHS_MM)]])
        shares = rig.speak(asked if dice.random() > SHUT_SHARE else np.zeros((1, 2)))[0]
        coarse = head.coarse(actions(head, shares))
        face = np.asarray(operator @ coarse, dtype=np.float64)
        view = camera(shot)
        placed = view.project(face)
        placed[:, 2] *= shot.eyes_px / canonical.INTEROCULAR_MM
        crop = aligned_crop(Studio(head).shoot_coarse(shot, coarse), canonical.align(points, placed))
        pixels.append(np.round(crop[0].transpose(1, 2, 0) * 255).astype(np.uint8))
        rest.append((float(canonical.opening(face)), float(canonical.width(face))))
        drawn()
    return PhotoBook(np.stack(pixels), np.array(rest, dtype=np.float32))

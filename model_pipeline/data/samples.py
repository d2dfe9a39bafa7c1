"""Training samples: log-mel beside motion coefficients, from real tracks or synthetic speech with rule visemes."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from device_agent.engine import canonical, features
from model_pipeline.data import augment, speakers, texts, visemes
from model_pipeline.data.basis import MotionBasis, displacement
from model_pipeline.data.tracks import Track, by_speaker, closed_mouth

Floats = NDArray[np.float32]
USUAL_AMPLITUDE_MM = 12.3
"""95th less 5th percentile of the opening: the median of the 22 tracks, which have 7 to 25."""
LIVELINESS_BOUNDS = (0.5, 2.0)
CLOSED_MM = 0.4
"""What the tracker reads on lips that touch."""


@dataclass(frozen=True)
class Sample:
    """One clip to learn from; T frames."""

    speaker: str
    mel: Floats
    """[80, 4*T]"""
    motion: Floats
    """[T,P] coefficients; 0 is the closed mouth."""
    closed: NDArray[np.bool_]
    """[T]: the middle of a P, B or M."""
    silent: NDArray[np.bool_]
    """[T]: well inside a pause."""


@dataclass(frozen=True)
class Controls:
    """How opening and width show in the coefficients: the mean of real faces (motion alone, no sound)."""

    slopes: Floats
    """[2,P]: coefficients for each mm of opening and of width."""
    spread: Floats
    """[P]: what opening and width leave unexplained (standard deviation)."""


@dataclass(frozen=True)
class SpeakerMotion:
    """Coefficients [T,P] of one track, as far as people usually move, and its sound."""

    track: Track
    motion: Floats
    liveliness: float
    """``motion`` times this is what was measured."""


def speaker_motion(tracks: Sequence[Track], basis: MotionBasis) -> list[SpeakerMotion]:
    """Return the motion of every track against its speaker's closed mouth."""
    gap_map = basis.components.reshape(-1, 478, 2)
    rise = gap_map[:, canonical.LOWER_LIP_CENTRE, 1] - gap_map[:, canonical.UPPER_LIP_CENTRE, 1]
    found = []
    slope = _opening_slope(tracks, basis)
    for group in by_speaker(list(tracks)).values():
        neutral = closed_mouth(np.concatenate([track.points for track in group]))
        left_open = max(0.0, float(canonical.opening(neutral)) - CLOSED_MM)
        own = [
            basis.coefficients(displacement(track.points, neutral, basis.points.astype(np.float64)))
            + left_open * slope / float(slope @ rise)
            for track in group
        ]
        share = _liveliness(np.concatenate(own) @ opening_row(basis))
        found += [SpeakerMotion(track, motion / share, share) for track, motion in zip(group, own, strict=True)]
    return found


def _liveliness(opening: Floats) -> float:
    """Return how far a speaker opens the mouth [T mm], 1 being the median of people.

    Nobody hears from a voice how lively its owner's face is: a model that is to guess it learns to mumble.
    """
    low, high = np.percentile(opening, (5, 95))
    return float(np.clip((high - low) / USUAL_AMPLITUDE_MM, *LIVELINESS_BOUNDS))


def _opening_slope(tracks: Sequence[Track], basis: MotionBasis) -> Floats:
    """Direction [P] in which the mouth opens: the coefficients of the basis' own opening map."""
    flat = basis.maps.reshape(basis.maps.shape[0], -1)
    slope, *_ = np.linalg.lstsq(flat.T, basis.opening_map.reshape(-1), rcond=None)
    return slope.astype(np.float32)


def opening_row(basis: MotionBasis) -> Floats:
    """Return [P]: lip opening in mm of one unit of each coefficient, as ``canonical.map_opening`` measures it."""
    return np.array([canonical.map_opening(m, basis.points) for m in basis.maps], dtype=np.float32)


def width_row(basis: MotionBasis) -> Floats:
    """Return [P]: change of lip width in mm of one unit of each coefficient."""
    moved = basis.components.reshape(-1, 478, 2)
    return (moved[:, canonical.LEFT_CORNER, 0] - moved[:, canonical.RIGHT_CORNER, 0]).astype(np.float32)


def controls(motions: Sequence[SpeakerMotion], basis: MotionBasis) -> Controls:
    """Regress coefficients on opening and width over all speakers, each with the same weight."""
    motion = np.concatenate([m.motion[np.linspace(0, len(m.motion) - 1, 200).astype(int)] for m in motions])
    both = np.stack([motion @ opening_row(basis), motion @ width_row(basis)], axis=1)
    slopes, *_ = np.linalg.lstsq(both, motion, rcond=None)
    measured = np.stack([slopes @ opening_row(basis), slopes @ width_row(basis)], axis=1)
    slopes = np.linalg.solve(measured, slopes)
    return Controls(slopes.astype(np.float32), (motion - both @ slopes).std(axis=0).astype(np.float32))


def real_sample(source: SpeakerMotion, dice: np.random.Generator | None = None) -> Sample:
    """Return a track as a sample, disturbed when ``dice`` are given."""
    audio, motion = source.track.audio, source.motion
    if dice is not None:
        audio, motion = augment.at_speed(audio, motion, float(dice.uniform(0.88, 1.14)))
        audio = augment.disturb(audio, dice)
    frames = min(features.frame_count(audio.size), motion.shape[0])
    audio = audio[: frames * features.SAMPLE_RATE // features.VIDEO_FPS]
    nothing = np.zeros(frames, dtype=bool)
    mel = features.log_mel(audio)[:, : frames * features.MEL_PER_FRAME]
    return Sample(source.track.speaker, mel, motion[:frames], nothing, nothing)


def synthetic_sample(
    seed: int, shape: Controls, table: dict[visemes.Viseme, visemes.Target] | None = None, *, clean: bool = False
) -> Sample:
    """Speak a random sentence in a random voice and move the mouth by rule."""
    words, dice = random.Random(seed), np.random.default_rng(seed)  # noqa: S311
    name = texts.voice(words)
    spoken = speakers.drawn(texts.sentence(words, name), name, words)
    before, after = float(dice.uniform(0.1, 0.6)), float(dice.uniform(0.1, 0.6))
    pause = np.zeros(1, dtype=np.float32)
    audio = np.concatenate(
        [
            np.repeat(pause, int(before * features.SAMPLE_RATE)),
            spoken.audio,
            np.repeat(pause, int(after * features.SAMPLE_RATE)),
        ]
    )
    items = [visemes.Pull(p.viseme, p.start + before, p.end + before) for p in visemes.pulls(spoken.phonemes)]
    end = before + spoken.audio.size / features.SAMPLE_RATE
    items = [
        visemes.Pull(visemes.Viseme.SILENCE, 0.0, before),
        *items,
        visemes.Pull(visemes.Viseme.SILENCE, end, end + after),
    ]
    frames = features.frame_count(audio.size)
    style = visemes.Style(
        float(dice.uniform(0.9, 1.7)), float(dice.uniform(0.6, 1.4)), float(dice.uniform(0.01, 0.035))
    )
    motion = _motion(visemes.lips(items, frames, table, style), shape, dice)
    if not clean:
        audio = augment.disturb(audio, dice)
    return Sample(
        f"synthetic_{name}",
        features.log_mel(audio),
        motion,
        visemes.closures(items, frames, style.lead),
        visemes.frames_of(items, frames, visemes.Viseme.SILENCE, inset=0.1),
    )


def _motion(lips: NDArray[np.float64], shape: Controls, dice: np.random.Generator) -> Floats:
    """Opening and width -> coefficients, with a slowly drifting bit of what real faces do besides."""
    drift = dice.normal(size=(lips.shape[0] // 12 + 3, shape.spread.size))
    at = np.arange(lips.shape[0]) / 12.0
    low = at.astype(int)
    share = (at - low)[:, None]
    slow = drift[low] * (1 - share) + drift[low + 1] * share
    active = np.clip(lips[:, :1] / 5.0, 0.0, 1.0)
    return (lips @ shape.slopes + 0.3 * slow * shape.spread * active).astype(np.float32)


def cuts(sample: Sample, frames: int, dice: np.random.Generator) -> Iterator[Sample]:
    """Yield windows of ``frames`` frames at random offsets of a sample; a short one is padded by silence."""
    total = sample.motion.shape[0]
    if total < frames:
        yield _padded(sample, frames)
        return
    count = max(1, round(total / frames))
    for _ in range(count):
        start = int(dice.integers(0, total - frames + 1))
        yield _window(sample, start, frames)


def _window(sample: Sample, start: int, frames: int) -> Sample:
    part, columns = slice(start, start + frames), slice(start * 4, (start + frames) * 4)
    return Sample(
        sample.speaker, sample.mel[:, columns], sample.motion[part], sample.closed[part], sample.silent[part]
    )


def _padded(sample: Sample, frames: int) -> Sample:
    """Hold the last shape fading to closed, in silence, up to ``frames``."""
    extra = frames - sample.motion.shape[0]
    fade = np.maximum(0.0, 1.0 - np.arange(1, extra + 1) / 5.0)[:, None].astype(np.float32)
    mel = np.pad(sample.mel, ((0, 0), (0, frames * 4 - sample.mel.shape[1])), constant_values=features.SILENCE)
    return Sample(
        sample.speaker,
        mel,
        np.concatenate([sample.motion, sample.motion[-1:] * fade]),
        np.pad(sample.closed, (0, extra)),
        np.pad(sample.silent, (0, extra)),
    )

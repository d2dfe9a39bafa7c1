"""What a fix learns from: synthetic speech rich in what failed, a replay set, and the complaint's own voice."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from device_agent.engine import features
from device_agent.engine.features import SAMPLE_RATE
from model_pipeline.data import augment, speakers, visemes
from model_pipeline.data.samples import Controls, Sample, real_sample, speaker_motion, synthetic_sample
from model_pipeline.data.speech import Phoneme
from model_pipeline.data.tracks import load_tracks
from model_pipeline.fix.curve import still_frames
from model_pipeline.fix.examples import WINDOW_FRAMES, Example, Origin, PromptKind, cut, feedback_of
from model_pipeline.fix.findings import Fault
from model_pipeline.fix.laboratory import LEAD_S
from model_pipeline.fix.phones import Phone, SoundClass
from model_pipeline.models.nano import Nano

LANGUAGES = ("en-us", "en-us", "en", "en-gb-scotland")
PAUSE_S = (0.2, 0.6)
"""Silence before and after: there the mouth must rest."""

STILL_INSET_S = 0.1
AROUND = 1
"""Frames before and after a failing sound that belong to it."""

FAULT_CLASSES = {
    Fault.BILABIAL: {SoundClass.BILABIAL},
    Fault.LABIODENTAL: {SoundClass.LABIODENTAL},
    Fault.OPEN: {SoundClass.OPEN},
    Fault.ROUNDED: {SoundClass.ROUNDED},
}
"""Faults of single classes; the others concern every sound."""

VISEMES_OF = {
    SoundClass.BILABIAL: {visemes.Viseme.BILABIAL},
    SoundClass.LABIODENTAL: {visemes.Viseme.LABIODENTAL},
    SoundClass.OPEN: {visemes.Viseme.OPEN},
    SoundClass.ROUNDED: {visemes.Viseme.GLIDE_W, visemes.Viseme.MID_BACK, visemes.Viseme.CLOSE_BACK},
}


@dataclass(frozen=True)
class Spoken:
    """Synthetic speech with its visemes."""

    audio: np.ndarray
    pulls: list[visemes.Pull]
    phonemes: list[Phoneme]

    def lips(self, style: visemes.Style) -> np.ndarray:
        """Return opening and width [F,2] in mm by rule."""
        return visemes.lips(self.pulls, features.frame_count(self.audio.size), style=style)


def speak(text: str, seed: int, *, clean: bool = False) -> Spoken:
    """Speak ``text`` in a voice, rate, pitch, room and noise drawn by ``seed``, with silence around it."""
    choice, dice = random.Random(seed), np.random.default_rng(seed)  # noqa: S311 - seeded variety, no secret
    said = speakers.drawn(text, choice.choice(LANGUAGES), choice)
    before, after = (float(dice.uniform(*PAUSE_S)) for _ in range(2))
    silence = [np.zeros(int(seconds * SAMPLE_RATE), np.float32) for seconds in (before, after)]
    audio = np.concatenate([silence[0], said.audio, silence[1]])
    moved = [replace(item, start=item.start + before, end=item.end + before) for item in said.phonemes]
    end = before + said.audio.size / SAMPLE_RATE
    rest = visemes.Viseme.SILENCE
    pulls = [visemes.Pull(rest, 0.0, before), *visemes.pulls(moved), visemes.Pull(rest, end, end + after)]
    return Spoken(audio if clean else augment.disturb(audio, dice), pulls, moved)


@dataclass(frozen=True)
class OwnVoice:
    """The complaint's recording, its sounds, and in which frames somebody speaks."""

    audio: np.ndarray
    phones: list[Phone]
    speaking: np.ndarray


class ExampleMaker:
    """Turns speech with motion into examples of one base model."""

    def __init__(self, model: Nano, controls: Controls, style: visemes.Style) -> None:
        self._model, self._controls, self._style = model, controls, style

    def failing(self, text: str, seed: int, faults: Sequence[Fault]) -> Iterator[Example]:
        """Yield windows of ``text`` spoken, tokens by rule, weighted at the sounds that failed."""
        spoken = speak(text, seed)
        frames = features.frame_count(spoken.audio.size)
        lips = spoken.lips(self._style)
        sample = Sample(
            "espeak",
            features.log_mel(spoken.audio),
            (lips @ self._controls.slopes).astype(np.float32),
            visemes.closures(spoken.pulls, frames, LEAD_S),
            visemes.frames_of(spoken.pulls, frames, visemes.Viseme.SILENCE, inset=STILL_INSET_S),
        )
        weight = _near(_failing_frames(spoken.pulls, faults, frames), AROUND).astype(np.float32)
        yield from self._windows(sample, Origin.FAILING, weight, seed)

    def replay(self, sample: Sample, seed: int) -> Iterator[Example]:
        """Yield windows of ordinary speech; every frame counts."""
        yield from self._windows(sample, Origin.REPLAY, np.ones(len(sample.motion), np.float32), seed)

    def own_voice(self, voice: OwnVoice, told: np.ndarray, prompt: PromptKind, seed: int) -> Iterator[Example]:
        """Yield windows of the complaint's voice: ``told`` [F,T,K] is what the base tells itself, nothing right."""
        frames = len(told)
        closed = closed_frames(voice.phones, frames)
        still = still_frames(~_fitted(voice.speaking, frames))
        whole = self._example(
            (Origin.COMPLAINT, prompt),
            mel=features.log_mel(voice.audio),
            motion=np.zeros((frames, self._controls.slopes.shape[1]), np.float32),
            feedback=feedback_of(told, self._model.config.feedback_lag, np.random.default_rng(seed)),
            closed=closed,
            still=still,
        )
        whole = replace(whole, weight=(~_near(closed, AROUND) & ~still).astype(np.float32))
        for first in range(0, max(1, frames - WINDOW_FRAMES // 2), WINDOW_FRAMES // 2):
            yield cut(whole, first)

    def _windows(self, sample: Sample, origin: Origin, weight: np.ndarray, seed: int) -> Iterator[Example]:
        with torch.no_grad():
            vectors = self._model.encoder(torch.from_numpy(sample.motion))
            codes = self._model.codebook.lookup(self._model.codebook.nearest(vectors)).numpy()
        dice = np.random.default_rng(seed)
        for index, first in enumerate(range(0, len(codes), WINDOW_FRAMES)):
            if index and len(codes) - first < WINDOW_FRAMES // 3:
                return
            prompt = (PromptKind.NONE, PromptKind.PHOTO)[(seed + index) % 2]
            whole = self._example(
                (origin, prompt),
                mel=sample.mel,
                motion=sample.motion,
                feedback=feedback_of(codes, self._model.config.feedback_lag, dice),
                closed=sample.closed,
                still=sample.silent,
            )
            yield cut(replace(whole, weight=weight), first)

    def _example(
        self,
        what: tuple[Origin, PromptKind],
        *,
        mel: np.ndarray,
        motion: np.ndarray,
        feedback: np.ndarray,
        closed: np.ndarray,
        still: np.ndarray,
    ) -> Example:
        frames = len(feedback)
        return Example(
            origin=what[0],
            prompt=what[1],
            mel=mel[:, : frames * features.MEL_PER_FRAME],
            feedback=feedback,
            motion=motion,
            closed=closed[:frames],
            still=still[:frames],
            weight=np.ones(frames, np.float32),
            valid=np.ones(frames, dtype=bool),
        )


def replay_samples(count: int, seed: int, controls: Controls) -> Iterator[Sample]:
    """Yield ordinary synthetic speech: all sounds in their usual share, many voices, several languages."""
    for index in range(count):
        yield synthetic_sample(seed + index, controls)


def real_samples(model: Nano, data: Path) -> list[Sample]:
    """Return the measured tracks as samples."""
    return [real_sample(motion) for motion in speaker_motion(load_tracks(data), model.basis())]


def closed_frames(phones: Sequence[Phone], frames: int) -> np.ndarray:
    """Return the frame in the middle of each sure P, B and M, as visemes count: bool [frames]."""
    sure = [(phone.label, phone.start, phone.end) for phone in phones if phone.sure]
    return visemes.closures(visemes.arpabet_pulls(sure), frames, LEAD_S)


def _failing_frames(pulls: Sequence[visemes.Pull], faults: Sequence[Fault], frames: int) -> np.ndarray:
    """Return the frames of the failing classes; of every sound where a fault concerns all of them."""
    if not faults or any(fault not in FAULT_CLASSES for fault in faults):
        return np.ones(frames, dtype=bool)
    kinds = set().union(*(VISEMES_OF[kind] for fault in faults for kind in FAULT_CLASSES[fault]))
    inside = np.zeros(frames, dtype=bool)
    for kind in kinds:
        inside |= visemes.frames_of(pulls, frames, kind)
    if visemes.Viseme.BILABIAL in kinds:
        inside |= visemes.closures(pulls, frames, LEAD_S)  # a short one may lie between two frames
    return inside


def _near(frames: np.ndarray, around: int) -> np.ndarray:
    wide = np.convolve(frames.astype(int), np.ones(2 * around + 1, int), mode="same")
    return np.asarray(wide > 0)


def _fitted(flags: np.ndarray, frames: int) -> np.ndarray:
    return np.pad(flags[:frames], (0, max(0, frames - len(flags))))

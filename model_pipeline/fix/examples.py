"""One training example of a fix, and batches of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import torch

from device_agent.engine.features import MEL_PER_FRAME
from model_pipeline.fix.curve import frames_of
from model_pipeline.fix.phones import Phone, SoundClass

WINDOW_FRAMES = 75
"""Three seconds: three times what the transformer remembers, short enough for many steps in a minute."""

FAULTY_WEIGHT = 3.0
"""Frames of a failing class count this much more than the words around them."""


class Origin(StrEnum):
    """Where an example comes from, which decides what it teaches."""

    FAILING = "failing"
    REPLAY = "replay"
    COMPLAINT = "complaint"


class PromptKind(StrEnum):
    """What the transformer sees of a face while it learns."""

    NONE = "none"
    PHOTO = "photo"


@dataclass(frozen=True)
class Example:
    """A stretch of ``WINDOW_FRAMES`` frames."""

    origin: Origin
    prompt: PromptKind
    mel: np.ndarray
    """float32 [80, 4*F]"""
    feedback: np.ndarray
    """float32 [F, T, K]: the codes that the step sees, already late by the feedback lag."""
    tokens: np.ndarray
    """int64 [F, T]; of the complaint's voice, whose motion nobody knows, those that the base drew."""
    closed: np.ndarray
    """bool [F]: lips must be shut (P/B/M)."""
    still: np.ndarray
    """bool [F]: the mouth must rest."""
    weight: np.ndarray
    """float32 [F]: how much the tokens of a frame count; in the complaint's voice, 0 near what failed."""
    valid: np.ndarray
    """bool [F]: False where the recording is over."""


@dataclass(frozen=True)
class Batch:
    """Examples of one origin and prompt, stacked; shapes as in ``Example`` with B in front."""

    mel: torch.Tensor
    feedback: torch.Tensor
    tokens: torch.Tensor
    closed: torch.Tensor
    still: torch.Tensor
    weight: torch.Tensor
    valid: torch.Tensor


def batch_of(examples: Sequence[Example]) -> Batch:
    """Stack examples of one origin and prompt."""
    fields = ("mel", "feedback", "tokens", "closed", "still", "weight", "valid")
    stacked = {name: torch.from_numpy(np.stack([getattr(item, name) for item in examples])) for name in fields}
    return Batch(**stacked)


def shut_frames(phones: Sequence[Phone], frames: int) -> np.ndarray:
    """Return the frames in the middle of each sure P, B and M: bool [frames]."""
    shut = np.zeros(frames, dtype=bool)
    for phone in phones:
        if phone.kind is SoundClass.BILABIAL and phone.sure and phone.start * 25 < frames:
            shut[min(frames - 1, int(phone.middle * 25))] = True
    return shut


def class_frames(phones: Sequence[Phone], kinds: set[SoundClass], frames: int) -> np.ndarray:
    """Return the frames in which a sound of ``kinds`` sounds: bool [frames]."""
    inside = np.zeros(frames, dtype=bool)
    for phone in phones:
        if phone.kind in kinds:
            inside[frames_of(phone, 0.0, frames)] = True
    return inside


def late(codes: np.ndarray, lag: int) -> np.ndarray:
    """Return code vectors [F,T,K] as the step sees them: ``lag`` frames later, zeros before."""
    shifted = np.zeros_like(codes)
    shifted[lag:] = codes[: len(codes) - lag]
    return shifted


def cut(example: Example, first: int) -> Example:
    """Return ``WINDOW_FRAMES`` frames from ``first``, padded at the end with frames that do not count."""
    stop = first + WINDOW_FRAMES

    def frames(values: np.ndarray) -> np.ndarray:
        piece = values[first:stop]
        return np.pad(piece, [(0, WINDOW_FRAMES - len(piece)), *[(0, 0)] * (values.ndim - 1)])

    mel = example.mel[:, first * MEL_PER_FRAME : stop * MEL_PER_FRAME]
    short = WINDOW_FRAMES * MEL_PER_FRAME - mel.shape[1]
    floor = float(example.mel.min()) if example.mel.size else 0.0
    return Example(
        origin=example.origin,
        prompt=example.prompt,
        mel=np.pad(mel, [(0, 0), (0, short)], constant_values=floor).astype(np.float32),
        feedback=frames(example.feedback).astype(np.float32),
        tokens=frames(example.tokens).astype(np.int64),
        closed=frames(example.closed),
        still=frames(example.still),
        weight=frames(example.weight).astype(np.float32),
        valid=frames(example.valid),
    )

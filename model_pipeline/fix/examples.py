"""One training example of a fix, and batches of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import torch

from device_agent.engine.features import MEL_PER_FRAME

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
    motion: np.ndarray
    """float32 [F, P]: coefficients to reach; of the complaint's voice, whose motion nobody knows, zeros."""
    closed: np.ndarray
    """bool [F]: lips must be shut (P/B/M)."""
    still: np.ndarray
    """bool [F]: the mouth must rest."""
    weight: np.ndarray
    """float32 [F]: how much the motion of a frame counts; in the complaint's voice, 0 near what failed."""
    valid: np.ndarray
    """bool [F]: False where the recording is over."""


@dataclass(frozen=True)
class Batch:
    """Examples of one origin and prompt, stacked; shapes as in ``Example`` with B in front."""

    mel: torch.Tensor
    feedback: torch.Tensor
    motion: torch.Tensor
    closed: torch.Tensor
    still: torch.Tensor
    weight: torch.Tensor
    valid: torch.Tensor


def batch_of(examples: Sequence[Example]) -> Batch:
    """Stack examples of one origin and prompt."""
    fields = ("mel", "feedback", "motion", "closed", "still", "weight", "valid")
    stacked = {name: torch.from_numpy(np.stack([getattr(item, name) for item in examples])) for name in fields}
    return Batch(**stacked)


NO_PAST, FOREIGN_PAST = 0.25, 0.25
"""Shares of examples that hear nothing of their past, or another moment's; the rest has gaps in its own."""
GAPS = 0.3


def feedback_of(codes: np.ndarray, lag: int, dice: np.random.Generator) -> np.ndarray:
    """Return code vectors [F,T,K] as the step sees them: ``lag`` frames later, and not to be trusted.

    The base was trained so; with a true past a fix would learn to lean on what a frame does not have.
    """
    past = np.zeros_like(codes)
    past[lag:] = codes[: len(codes) - lag]
    kind = dice.random()
    if kind < NO_PAST:
        return np.zeros_like(past)
    if kind < NO_PAST + FOREIGN_PAST:
        return np.roll(past, int(dice.integers(1, max(2, len(past)))), axis=0)
    gaps = dice.random((len(past), 1, 1)) < GAPS
    return np.where(gaps, 0.0, past).astype(np.float32)


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
        motion=frames(example.motion).astype(np.float32),
        closed=frames(example.closed),
        still=frames(example.still),
        weight=frames(example.weight).astype(np.float32),
        valid=frames(example.valid),
    )

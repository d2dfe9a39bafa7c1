"""Training of the tongue's network: the rule's height, frame by frame, on sound that is bent in many ways.

Heads of other lengths, loudspeakers and rooms are many and synthetic voices few: the mel axis is stretched, the
spectrum tilted and bands are hidden (SpecAugment, arXiv:1904.08779), or nothing carries over to real voices.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from device_agent.engine.features import MEL_PER_FRAME, MELS, SILENCE
from frame_protocol.model_package import WEIGHTS
from model_pipeline.data.visemes import Viseme
from model_pipeline.errors import WeightsUnusable
from model_pipeline.export.parts import TONGUE
from model_pipeline.models.config import NANO
from model_pipeline.models.nano import pad_mel
from model_pipeline.models.tongue import TongueNet
from model_pipeline.tongue.examples import Sentence
from model_pipeline.tongue.tip import TIPS
from model_pipeline.training.loop import CHECKPOINT, SAVE_EVERY_S, Run, Stage, Watcher

SEED = 17
STEPS, BATCH, FRAMES, RATE, AVERAGE = 3000, 32, 50, 2e-3, 0.995
RAISED_WEIGHT = 2.0
"""A frame counts 1 + this times its height: raised tongues are rare, and what is seen."""

STRETCHES, STRETCHED_SHARE = (0.88, 1.13), 0.5
LEVEL, TILT, TILTED_SHARE, BENDS = 0.5, 0.6, 0.3, 4
HIDDEN_MELS, HIDDEN_SHARE = (2, 12), 0.3
MATERIAL = "material.json"

Floats = NDArray[np.floating]


def stage(net: TongueNet, sentences: Sequence[Sentence], steps: int = STEPS) -> Stage:
    """Return the one stage of this training."""

    def loss(_: int, generator: torch.Generator) -> tuple[torch.Tensor, dict[str, float]]:
        dice = np.random.default_rng(int(torch.randint(2**62, (1,), generator=generator)))
        mel, tip = batch(sentences, dice)
        torch.manual_seed(int(dice.integers(2**31)))
        away = (net(pad_mel(mel, NANO))[:, 0, 0] - tip).square()
        found = (away * (1 + RAISED_WEIGHT * tip)).mean()
        return found, {"rms": float(away.detach().mean().sqrt())}

    return Stage("tongue", steps, RATE, list(net.parameters()), loss, average=AVERAGE)


def batch(sentences: Sequence[Sentence], dice: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Return BATCH windows: mel [B,80,4*FRAMES] bent by chance, heights [B,FRAMES]."""
    windows = [_window(sentences[int(dice.integers(len(sentences)))], dice) for _ in range(BATCH)]
    mels = np.stack([bent(mel.astype(np.float32), dice) for mel, _ in windows])
    return torch.from_numpy(mels), torch.from_numpy(np.stack([tip for _, tip in windows]))


def _window(one: Sentence, dice: np.random.Generator) -> tuple[Floats, Floats]:
    short = max(0, FRAMES - one.tip.size)
    mel = np.pad(one.mel, ((0, 0), (0, MEL_PER_FRAME * short)), constant_values=SILENCE)
    tip = np.pad(one.tip, (0, short), constant_values=TIPS[Viseme.SILENCE].height)
    start = int(dice.integers(0, tip.size - FRAMES + 1))
    columns = slice(MEL_PER_FRAME * start, MEL_PER_FRAME * (start + FRAMES))
    return mel[:, columns], tip[start : start + FRAMES]


def bent(mel: Floats, dice: np.random.Generator) -> Floats:
    """Return ``mel`` [80,N] of a throat of another length, through other equipment, a band of it hidden."""
    out = mel
    if dice.random() < STRETCHED_SHARE:
        place = np.clip(np.arange(MELS) * dice.uniform(*STRETCHES), 0, MELS - 1)
        low = place.astype(int)
        share = (place - low).astype(np.float32)[:, None]
        out = out[low] * (1 - share) + out[np.minimum(low + 1, MELS - 1)] * share
    out = out + np.float32(dice.normal(scale=LEVEL))
    if dice.random() < HIDDEN_SHARE:
        band = int(dice.integers(*HIDDEN_MELS))
        first = int(dice.integers(0, MELS - band))
        out[first : first + band] = out.mean()
    if dice.random() < TILTED_SHARE:
        knots = np.linspace(0, MELS - 1, BENDS)
        out = out + np.interp(np.arange(MELS), knots, dice.normal(scale=TILT, size=BENDS))[:, None]
    return np.asarray(out, dtype=np.float32)


def train(
    sentences: Sequence[Sentence], out: Path, watcher: Watcher, *, steps: int = STEPS,
    save_every_s: float = SAVE_EVERY_S,
) -> TongueNet:  # fmt: skip
    """Train, or go on, and write the INT8 weights to ``out``; raises WeightsUnusable where it was begun otherwise."""
    now = {"steps": steps, "sentences": len(sentences), "frames": sum(one.tip.size for one in sentences)}
    note = out / MATERIAL
    if (out / CHECKPOINT).is_file() and note.is_file() and json.loads(note.read_text(encoding="utf-8")) != now:
        raise WeightsUnusable(
            f"{out} holds a training on other sentences, or of another length; train into another folder, or remove "
            f"{out / CHECKPOINT} to begin anew"
        )
    out.mkdir(parents=True, exist_ok=True)
    note.write_text(json.dumps(now) + "\n", encoding="utf-8")
    torch.manual_seed(SEED)
    net = TongueNet().train()
    run = Run(out, net, SEED, watcher, save_every_s=save_every_s)
    run.resume()
    run.train(stage(net, sentences, steps))
    TONGUE.save(net, out / WEIGHTS)
    return net.eval()

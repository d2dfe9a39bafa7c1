"""A judge of lip-sync that shares nothing with the product: cepstra, a small network and a training of its own.

Sync r (engine.md, "How good"): the first three principal components of the mouth against what the judge expects from
the sound, correlated at every shift of up to MAX_SHIFT frames. The best shift's r is the score; how far it stands
above the median shift is the confidence. It learns from real people alone, those who are not judged.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.fft import dct
from scipy.signal import stft
from torch import nn

from device_agent.engine.features import SAMPLE_RATE, VIDEO_FPS
from model_pipeline.data.tracks import Track
from model_pipeline.score import correlation, truth

Floats = NDArray[np.floating]
COMPONENTS = 3
CEPSTRA = 14
FILTERS = 26
WINDOW_S, HOP_S = 0.025, 0.02
HOPS_PER_FRAME = round(1 / VIDEO_FPS / HOP_S)
MAX_SHIFT = 8
WIDTH, KERNEL, DROPOUT = 64, 5, 0.2
STEPS, BATCH, RATE, DECAY = 300, 24, 2e-3, 0.05
FRAMES = 70
"""Length of the windows that it learns from."""
NOISE = 0.1


class Sync(NamedTuple):
    """Verdict on one clip."""

    r: float
    confidence: float
    shift: int
    """Frames by which the lips are late at the best match."""


class _Ear(nn.Sequential):
    """Cepstra [B,C,F] -> components [B,3,F]; hears 0.24 s to each side."""

    def __init__(self) -> None:
        pad = KERNEL // 2
        super().__init__(nn.Conv1d(HOPS_PER_FRAME * CEPSTRA, WIDTH, 1), nn.GELU())
        for _ in range(3):
            self.extend([nn.Conv1d(WIDTH, WIDTH, KERNEL, padding=pad), nn.GELU(), nn.Dropout(DROPOUT)])
        self.append(nn.Conv1d(WIDTH, COMPONENTS, 1))


@dataclass(frozen=True)
class Judge:
    """What the mouths of the people it learnt from do when they sound like this."""

    axes: Floats
    """[3,80] principal components of lip points x, y less their clip's mean."""
    ear: nn.Module

    def expected(self, audio: NDArray[np.float32], frames: int) -> Floats:
        """Return the components [frames,3] that the sound (16 kHz) makes it expect."""
        with torch.inference_mode():
            heard = torch.from_numpy(_cepstra(audio, frames).astype(np.float32))
            return np.asarray(self.ear(heard.T[None])[0].numpy().T)

    def seen(self, lips: Floats) -> Floats:
        """Return the components [F,3] of lip points [F,40,3]."""
        return _flat(lips) @ self.axes.T

    def sync(self, audio: NDArray[np.float32], lips: Floats) -> Sync:
        """Judge one clip; lips that stand still get 0."""
        seen, expected = self.seen(lips), self.expected(audio, len(lips))
        shifts = range(-MAX_SHIFT, MAX_SHIFT + 1)
        values = [_agreement(seen, expected, shift) for shift in shifts]
        best = int(np.argmax(values))
        return Sync(values[best], values[best] - float(np.median(values)), shifts[best])


def learn(tracks: Sequence[Track], seed: int) -> Judge:
    """Train a judge on real people: the correlation over windows of FRAMES frames is what counts."""
    torch.manual_seed(seed)
    dice = np.random.default_rng(seed)
    mouths = [_flat(truth(track)) for track in tracks]
    spread = np.mean([np.cov(m, rowvar=False) for m in mouths], axis=0)
    axes = np.linalg.eigh(spread)[1][:, ::-1][:, :COMPONENTS].T
    heard = [_cepstra(track.audio, len(m)) for track, m in zip(tracks, mouths, strict=True)]
    chances = np.sqrt([len(m) for m in mouths])
    ear = _Ear()
    optimiser = torch.optim.AdamW(ear.parameters(), lr=RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=STEPS)
    for _ in range(STEPS):
        pairs = []
        for clip in dice.choice(len(tracks), BATCH, p=chances / chances.sum()):
            start = int(dice.integers(0, max(1, len(mouths[clip]) - FRAMES + 1)))
            part = slice(start, start + FRAMES)
            noise = dice.normal(0, NOISE, heard[clip][part].shape)
            pairs.append((heard[clip][part] + noise, mouths[clip][part] @ axes.T))
        x, y = (
            torch.tensor(np.stack(side), dtype=torch.float32).transpose(1, 2) for side in zip(*pairs, strict=True)
        )
        loss = 1 - _correlation(ear(x), y).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return Judge(axes, ear.eval())


def _correlation(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Pearson's r over the last axis."""
    a, b = a - a.mean(dim=-1, keepdim=True), b - b.mean(dim=-1, keepdim=True)
    return (a * b).sum(dim=-1) / (a.norm(dim=-1) * b.norm(dim=-1)).clamp_min(1e-3)


def _flat(lips: Floats) -> Floats:
    """Lip points [F,40,3] -> x, y less the clip's mean [F,80]."""
    flat = lips[..., :2].reshape(len(lips), -1)
    return flat - flat.mean(axis=0)


def _agreement(seen: Floats, expected: Floats, shift: int) -> float:
    size = len(seen)
    a, b = seen[max(0, shift) : size + min(0, shift)], expected[max(0, -shift) : size - max(0, shift)]
    return float(np.mean([correlation(a[:, c], b[:, c]) for c in range(COMPONENTS)]))


def _cepstra(audio: NDArray[np.float32], frames: int) -> Floats:
    """Return CEPSTRA coefficients of a frame's hops [frames, HOPS_PER_FRAME*CEPSTRA], of mean 0 and spread 1."""
    window, hop = round(WINDOW_S * SAMPLE_RATE), round(HOP_S * SAMPLE_RATE)
    need = frames * SAMPLE_RATE // VIDEO_FPS
    sound = np.pad(audio[:need], (0, max(0, need - audio.size)))
    _, _, bins = stft(sound, SAMPLE_RATE, nperseg=window, noverlap=window - hop, nfft=512, boundary="zeros")
    power = np.square(np.abs(bins[:, : frames * HOPS_PER_FRAME])).T
    short = frames * HOPS_PER_FRAME - len(power)
    power = np.pad(power, ((0, max(0, short)), (0, 0)), mode="edge")
    log = np.log(power @ _filters(power.shape[1]).T + 1e-9)
    found = dct(log, norm="ortho", axis=1)[:, :CEPSTRA].reshape(frames, -1)
    return (found - found.mean(axis=0)) / found.std(axis=0).clip(1e-6)


def _filters(bins: int) -> Floats:
    """Return triangles [FILTERS, bins] of equal width on the mel axis (Stevens, 1937: 2595 log10(1 + f/700))."""
    edges = 700 * (10 ** (np.linspace(0, 2595 * np.log10(1 + SAMPLE_RATE / 2 / 700), FILTERS + 2) / 2595) - 1)
    at = np.linspace(0, SAMPLE_RATE / 2, bins)
    rise = (at[None] - edges[:-2, None]) / np.diff(edges)[:-1, None]
    fall = (edges[2:, None] - at[None]) / np.diff(edges)[1:, None]
    return np.clip(np.minimum(rise, fall), 0.0, None)

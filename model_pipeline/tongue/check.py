"""Does the tongue rise where L and TH are said? On sentences that no training heard, of machines and of people.

A raised tongue is seen for a frame or two, so each sound is judged by the highest of the three frames around its
middle. The figure is the share of pairs, one L or TH and one sound of a low or idle tongue, of which the first is the
higher (the area under the ROC curve); chance is 0.5, and what the rule itself scores is the most that is to be had.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from device_agent.engine import canonical, features
from frame_protocol.model_package import Sampling
from model_pipeline.data.visemes import Pull, Viseme, arpabet_pulls
from model_pipeline.evaluate.backend import speak
from model_pipeline.fix.recogniser import phones_of
from model_pipeline.fix.recordings import utterances
from model_pipeline.models.config import NANO
from model_pipeline.models.nano import Nano, pad_mel
from model_pipeline.models.tongue import TongueNet
from model_pipeline.tongue.examples import FIRST_UNSEEN, spoken
from model_pipeline.tongue.tip import LEAD_S, RAISED, tips

Floats = NDArray[np.floating]
Listener = Callable[[NDArray[np.float32]], Floats]
"""Sound in, height [F] out."""
LOW = frozenset({
    Viseme.OPEN, Viseme.CENTRAL, Viseme.MID_FRONT, Viseme.MID_BACK, Viseme.CLOSE_BACK, Viseme.VELAR, Viseme.BILABIAL,
})  # fmt: skip
"""Sounds of a low or idle tip; what is nearly raised (T, D, N, S) belongs to neither side."""
UP, DOWN = 0.55, 0.35
"""A frame whose height is above UP while the rule's is below DOWN shows a tongue that is not there."""
WIDE_MM = 14.0
CLIPS = "grid_*.npz"


@dataclass
class Figures:
    """One listener on one kind of speech."""

    heard: list[Floats] = field(default_factory=list)
    rule: list[Floats] = field(default_factory=list)
    peaks: dict[Viseme, list[float]] = field(default_factory=dict)

    def add(self, heights: Floats, items: list[Pull]) -> None:
        """Count one sentence."""
        self.heard.append(heights)
        self.rule.append(tips(items, len(heights)))
        for pull in items:
            middle = round(((pull.start + pull.end) / 2 - LEAD_S) * features.VIDEO_FPS)
            near = heights[max(0, middle - 1) : middle + 2]
            if near.size:
                self.peaks.setdefault(pull.viseme, []).append(float(near.max()))

    def summary(self) -> dict[str, float]:
        """Return r with the rule, the share of pairs in order, mean peaks, false frames, and how many L and TH."""
        heard, rule = np.concatenate(self.heard), np.concatenate(self.rule)
        up, low = self._of(RAISED), self._of(LOW)
        down = rule < DOWN
        return {
            "r": float(np.corrcoef(heard, rule)[0, 1]),
            "in_order": float((up[:, None] > low[None, :]).mean()),
            "lateral": float(self._of({Viseme.LATERAL}).mean()),
            "dental": float(self._of({Viseme.DENTAL}).mean()),
            "open": float(self._of({Viseme.OPEN}).mean()),
            "false_frames": float((heard[down] > UP).mean()),
            "sounds": float(up.size),
        }

    def _of(self, visemes: Iterable[Viseme]) -> Floats:
        return np.array([peak for viseme in visemes for peak in self.peaks.get(viseme, [])])


def listener(net: TongueNet) -> Listener:
    """Return the network as a listener."""

    def heights(audio: NDArray[np.float32]) -> Floats:
        mel = features.log_mel(audio)
        whole = mel[:, : mel.shape[1] // features.MEL_PER_FRAME * features.MEL_PER_FRAME]
        with torch.inference_mode():
            return np.asarray(net(pad_mel(torch.from_numpy(whole)[None], NANO))[0, 0, 0].numpy())

    return heights


def by_opening(model: Nano, sampling: Sampling) -> Listener:
    """Return the guess of who sees the lips alone: the narrower the mouth, the higher the tongue."""

    def heights(audio: NDArray[np.float32]) -> Floats:
        points = model.points.numpy()
        openings = np.array([canonical.map_opening(m, points) for m in speak(model, audio, sampling).maps])
        return 1.0 - np.clip(openings / WIDE_MM, 0.0, 1.0)

    return heights


def synthetic(count: int) -> Iterator[tuple[NDArray[np.float32], list[Pull]]]:
    """Yield sentences whose seeds no training uses."""
    for number in range(count):
        yield spoken(FIRST_UNSEEN + number)


def reader() -> Iterator[tuple[NDArray[np.float32], list[Pull]]]:
    """Yield the LibriVox reader's sentences; raises DataMissing."""
    for one in utterances().values():
        yield one.samples.astype(np.float32), arpabet_pulls([(p.label, p.start, p.end) for p in one.phones])


def commands(data: Path) -> Iterator[tuple[NDArray[np.float32], list[Pull]]]:
    """Yield the GRID clips of the measured data, eleven people, their words aligned by the recogniser."""
    for path in sorted((data / "tracks").glob(CLIPS)):
        with np.load(path) as clip:
            audio, words = clip["audio"].astype(np.float32) / np.float32(32768.0), str(clip["transcript"])
        yield audio, arpabet_pulls([(p.label, p.start, p.end) for p in phones_of(audio, words)])


def compare(
    listeners: dict[str, Listener], sentences: Iterable[tuple[NDArray[np.float32], list[Pull]]]
) -> dict[str, dict[str, float]]:
    """Return the figures of every listener, and of the rule itself, on the same sentences."""
    found = {name: Figures() for name in (*listeners, "rule")}
    for audio, items in sentences:
        for name, heights in listeners.items():
            heard = heights(audio)
            found[name].add(heard, items)
        found["rule"].add(tips(items, len(heard)), items)
    return {name: {key: round(value, 3) for key, value in one.summary().items()} for name, one in found.items()}

"""What the models of one fold say about the speakers left out, in every way of speaking that is compared."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from frame_protocol.model_package import Decode, Sampling
from model_pipeline.data import folds, samples
from model_pipeline.data.basis import MotionBasis
from model_pipeline.data.tracks import Track, load_tracks
from model_pipeline.evaluate import baselines, convnet
from model_pipeline.evaluate.backend import speak
from model_pipeline.evaluate.fold import trained
from model_pipeline.export.int8 import load_model
from model_pipeline.models.nano import Nano
from model_pipeline.score import lips_of_maps, truth
from model_pipeline.training.stages import Sizes

Floats = NDArray[np.floating]


class Setting(NamedTuple):
    """One way to show the mean of the codes."""

    temperature: float
    gain: float = 1.0
    feedback: float | None = None
    """Temperature of the mean that the next frame is told; None: it is told what is shown."""

    def __str__(self) -> str:
        """Return the name of its row."""
        gain = f" x {self.gain:g}" if self.gain != 1 else ""
        return f"mean at {self.temperature:g}{gain}" + (f", told {self.feedback:g}" if self.feedback else "")

    def sampling(self) -> Sampling:
        """Return it as a package names it."""
        return Sampling(
            decode=Decode.MEAN, temperature=self.temperature, gain=self.gain, feedback_temperature=self.feedback
        )


SETTINGS = (Setting(0.7), Setting(1.3, 1.3), Setting(0.7, 1.2, 1.4), Setting(0.6, 1.2, 1.4))
"""Among these the setting of a fold is chosen by the other folds."""
OTHER_WAYS = {
    "argmax": Sampling(temperature=0.0),
    "drawn": Sampling(decode=Decode.DRAW, temperature=0.15),
}
"""Rows for comparison: the likeliest code, and chance as little as keeps the correlation."""


@dataclass
class Predictions:
    """What was predicted for the clips of one fold."""

    lips: dict[str, dict[str, Floats]] = field(default_factory=dict)
    """row -> clip -> lip points [F,40,3] mm, in the space of the track."""
    codes: dict[str, dict[str, Floats]] = field(default_factory=dict)
    """row -> clip -> codes [F,T,K]; row ``truth`` is the encoded real motion, unquantised."""

    def save(self, path: Path) -> None:
        """Write to ``path`` (npz), whole or not at all."""
        arrays = {f"lips|{row}|{clip}": a for row, clips in self.lips.items() for clip, a in clips.items()}
        arrays |= {f"codes|{row}|{clip}": a for row, clips in self.codes.items() for clip, a in clips.items()}
        part = path.with_suffix(".part")
        with part.open("wb") as file:
            np.savez_compressed(file, **{name: a.astype(np.float32) for name, a in arrays.items()})
        part.replace(path)

    @classmethod
    def load(cls, path: Path) -> "Predictions":
        """Read what ``save`` wrote."""
        found = cls()
        with np.load(path) as arrays:
            for name in arrays.files:
                kind, row, clip = name.split("|")
                (found.lips if kind == "lips" else found.codes).setdefault(row, {})[clip] = arrays[name]
        return found


def run_fold(data: Path, weights: Path, fold: int, seed: int, *, sizes: Sizes, models: Path, out: Path) -> Path:
    """Train and predict one fold; weights go to ``models``, ``foldF-seedS.npz`` to ``out``. Done before: nothing."""
    path = out / f"fold{fold}-seed{seed}.npz"
    if path.is_file():
        return path
    train, held_out = folds.split(load_tracks(data), fold)
    model, peer = trained(train, weights, fold, seed, sizes=sizes, keep=models)
    _predict(model, peer, train, held_out).save(path)
    return path


def run_as_is(data: Path, weights: Path, fold: int) -> Predictions:
    """Let weights (INT8, ``weights.safetensors``) speak for the clips of a fold; nothing is trained."""
    _, held_out = folds.split(load_tracks(data), fold)
    return _spoken(load_model(weights), held_out)


def _predict(model: Nano, peer: convnet.ConvNet, train: Sequence[Track], held_out: Sequence[Track]) -> Predictions:
    found, basis = _spoken(model, held_out), model.basis()
    known, unknown = samples.speaker_motion(train, basis), samples.speaker_motion(held_out, basis)
    linear = {
        "loudness": baselines.loud(known, unknown),
        "ridge": baselines.ridge(known, unknown),
        "conv net": [convnet.predict(peer, motion) for motion in unknown],
    }
    for row, predicted in linear.items():
        maps = [np.tensordot(c, basis.maps, axes=1) for c in predicted]
        found.lips[row] = _lips(held_out, {m.track.id: one for m, one in zip(unknown, maps, strict=True)}, basis)
    return found


def _spoken(model: Nano, held_out: Sequence[Track]) -> Predictions:
    """Every way to speak, the mouth that stands still, and the codes of real motion."""
    found, basis = Predictions(), model.basis()
    found.lips["static"] = {t.id: np.repeat(truth(t)[:1], len(t.points), axis=0) for t in held_out}
    ways = OTHER_WAYS | {str(setting): setting.sampling() for setting in SETTINGS}
    for row, way in ways.items():
        spoken = {track.id: speak(model, track.audio, way) for track in held_out}
        found.lips[row] = _lips(held_out, {clip: one.maps for clip, one in spoken.items()}, basis)
        found.codes[row] = {clip: one.codes for clip, one in spoken.items()}
    with torch.inference_mode():
        found.codes["truth"] = {
            m.track.id: model.encoder(torch.from_numpy(m.motion.astype(np.float32))).numpy()
            for m in samples.speaker_motion(held_out, basis)
        }
    return found


def _lips(tracks: Sequence[Track], maps: Mapping[str, Floats], basis: MotionBasis) -> dict[str, Floats]:
    return {t.id: lips_of_maps(t, maps[t.id], basis.points, basis.opening_map) for t in tracks}

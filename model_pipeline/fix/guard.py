"""Is the merged model better where it failed, and no worse elsewhere? Measured on what a frame runs: ONNX Runtime."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from device_agent.engine import canonical
from device_agent.engine.loaded import Engine
from device_agent.engine.runtime.motion import Prompt
from model_pipeline.fix.curve import MouthCurve
from model_pipeline.fix.findings import CLASS_FAULTS, Fault
from model_pipeline.fix.measure import Measurement, Occurrence, measure
from model_pipeline.fix.phones import Phone, SoundClass

HALF_OPEN_GATE = 0.5
"""Below this the frame's own detector hears silence."""


@dataclass(frozen=True)
class Utterance:
    """A voice and the sounds in it."""

    samples: np.ndarray
    """16 kHz, -1..1."""
    phones: list[Phone]


@dataclass(frozen=True)
class Scores:
    """Figures of a model over some utterances; None where nothing of the kind occurs."""

    shares: dict[str, float]
    """By class: share of sounds that reach their shape."""
    counts: dict[str, int]
    """By class: how many sounds that is a share of."""
    silence_sd_mm: float | None
    silence_mean_mm: float | None
    amplitude_mm: float | None
    r_expected: float | None
    lag_frames: float | None
    jitter_mm: float | None

    def of(self, fault: Fault) -> float | None:
        """Return the figure that a fault is about, larger is better."""
        by_fault = {
            Fault.SILENCE: None
            if self.silence_sd_mm is None
            else -self.silence_sd_mm - (self.silence_mean_mm or 0.0),
            Fault.AMPLITUDE: self.amplitude_mm,
            Fault.LAG: None if self.lag_frames is None else -abs(self.lag_frames),
            Fault.TIMING: self.r_expected,
        }
        return by_fault[fault] if fault in by_fault else self.shares.get(fault.value)


def score(engine: Engine, utterances: Sequence[Utterance], prompt: Prompt) -> Scores:
    """Speak every utterance as the package does and measure the mouths."""
    return pooled([measure(spoken_curve(engine, item, prompt), item.phones) for item in utterances])


def spoken_curve(engine: Engine, utterance: Utterance, prompt: Prompt) -> MouthCurve:
    """Return the mouth that the frame would show, gate included, in canonical millimetres."""
    gate = np.array(list(engine.gate(utterance.samples)), np.float32)
    maps = [frame.motion for frame in engine.motion.speak(utterance.samples, prompt, engine.manifest.sampling)]
    shapes = [_mouth(engine, motion * openness) for motion, openness in zip(maps, gate, strict=False)]
    opening, width = (np.array([shape[index] for shape in shapes]) for index in (0, 1))
    silent = gate[: len(shapes)] < HALF_OPEN_GATE
    return MouthCurve(np.maximum(opening, 0.0), width, np.ones(len(shapes), bool), silent, 0.0)


def _mouth(engine: Engine, motion: np.ndarray) -> tuple[float, float]:
    points, extent = engine.constants.points, engine.constants.extent
    lips = canonical.displaced_lips(motion, points, extent)
    right, left = (
        points[corner, :2] + lips[canonical.LIPS.index(corner)]
        for corner in (canonical.RIGHT_CORNER, canonical.LEFT_CORNER)
    )
    return canonical.map_opening(motion, points, extent), float(np.linalg.norm(right - left))


def pooled(measured: Sequence[Measurement]) -> Scores:
    """Return the figures over all measurements; shares over all occurrences together."""
    occurrences = [item for one in measured for item in one.occurrences if item.sure]
    return Scores(
        shares={kind.value: _share(occurrences, kind) for kind in CLASS_FAULTS if _any(occurrences, kind)},
        counts={kind.value: sum(item.kind == kind for item in occurrences) for kind in CLASS_FAULTS},
        silence_sd_mm=_mean([one.silence_sd_mm for one in measured]),
        silence_mean_mm=_mean([one.silence_mean_mm for one in measured]),
        amplitude_mm=_mean([one.amplitude_mm for one in measured]),
        r_expected=_mean([one.r_expected for one in measured]),
        lag_frames=_mean([None if one.lag_frames is None else float(one.lag_frames) for one in measured]),
        jitter_mm=_mean([one.jitter_mm for one in measured]),
    )


def _any(occurrences: Sequence[Occurrence], kind: SoundClass) -> bool:
    return any(item.kind == kind for item in occurrences)


def _share(occurrences: Sequence[Occurrence], kind: SoundClass) -> float:
    return float(np.mean([item.good for item in occurrences if item.kind == kind]))


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None

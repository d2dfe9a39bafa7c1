"""Clip and voice -> what fails: the thin shell around `track`, `recogniser`, `measure` and `findings`."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from model_pipeline.fix.curve import MouthCurve
from model_pipeline.fix.findings import Finding, findings
from model_pipeline.fix.measure import Measurement, measure
from model_pipeline.fix.media import read_sound
from model_pipeline.fix.phones import Phone
from model_pipeline.fix.recogniser import phones_of
from model_pipeline.fix.track import track_clip


@dataclass(frozen=True)
class Analysis:
    """Everything known about a clip: figures, faults worst first, and what they were read from."""

    measured: Measurement
    findings: list[Finding]
    curve: MouthCurve
    phones: list[Phone]
    words_given: bool

    def report(self) -> dict[str, Any]:
        """Return the analysis as JSON values; keys are documented in docs/fix.md."""
        return {
            "findings": [asdict(item) for item in self.findings],
            "sounds_known_by": "transcript" if self.words_given else "recognition",
            "figures": asdict(self.measured),
            "opening_mm": np.round(self.curve.opening_mm, 3).tolist(),
            "width_mm": np.round(self.curve.width_mm, 3).tolist(),
        }


def analyse(clip: Path, voice: Path, model: Path, transcript: str | None = None) -> Analysis:
    """Measure the mouth of ``clip`` against the sounds of ``voice``; ``model`` is an unpacked package."""
    sound = read_sound(voice)
    phones = phones_of(sound, transcript)
    curve = track_clip(clip, sound, model)
    measured = measure(curve, phones)
    return Analysis(measured, findings(measured), curve, phones, words_given=bool(transcript))


def sentences(analysis: Analysis) -> list[str]:
    """Return the analysis as lines for a person, worst first."""
    lines = [f"- the mouth {item.sentence}" for item in analysis.findings] or ["- nothing beyond the limits"]
    return [*_figures(analysis.measured), *lines]


def _figures(measured: Measurement) -> Sequence[str]:
    def shown(value: float | None, unit: str = "") -> str:
        return "-" if value is None else f"{value:.2f}{unit}"

    return (
        f"closures {shown(measured.closure_share)}   silence sd {shown(measured.silence_sd_mm, ' mm')}, "
        f"mean {shown(measured.silence_mean_mm, ' mm')}   amplitude {shown(measured.amplitude_mm, ' mm')} "
        f"(expected {shown(measured.expected_amplitude_mm, ' mm')})",
        f"r against the expected opening {shown(measured.r_expected)}   lag "
        + ("not measurable" if measured.lag_frames is None else f"{measured.lag_frames} frames")
        + f"   jitter {shown(measured.jitter_mm, ' mm')}",
    )

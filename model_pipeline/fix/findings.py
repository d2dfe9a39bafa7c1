"""The decision what fails in a clip: thresholds in, sentences out. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from model_pipeline.fix.measure import Measurement, Occurrence, counted, share
from model_pipeline.fix.phones import SPOKEN_AS, SoundClass


class Fault(StrEnum):
    """What may be wrong with a clip."""

    BILABIAL = "bilabial"
    LABIODENTAL = "labiodental"
    OPEN = "open"
    ROUNDED = "rounded"
    SILENCE = "silence"
    AMPLITUDE = "amplitude"
    LAG = "lag"
    TIMING = "timing"


@dataclass(frozen=True)
class Limits:
    """Where a figure begins to be a fault."""

    class_share: float = 0.8
    """At least this share of a class must reach its shape; the recogniser itself errs in 4 to 10 %."""
    least_occurrences: int = 2
    """One sound alone proves nothing: it may have been recognised wrongly."""
    silence_sd_mm: float = 0.6
    """Twice the tracker's own noise (0.3 mm)."""
    silence_mean_mm: float = 1.5
    least_silence_frames: int = 10
    """Fewer still frames than this (0.4 s) are the breath between two words."""
    least_amplitude_mm: float = 5.0
    """Real speakers move 10 mm and more between the 5th and the 95th percentile."""
    most_amplitude_mm: float = 22.0
    lag_frames: int = 2
    """One frame late costs 16 % of the correlation and few see it; two frames cost 41 %."""
    r_expected: float = 0.2
    """22 real clips: 0.29 on average when the sounds are recognised, 0.5 when the words are given."""


WEIGHTS = {
    Fault.BILABIAL: 1.0,
    Fault.LABIODENTAL: 0.6,
    Fault.OPEN: 0.7,
    Fault.ROUNDED: 0.3,
    Fault.SILENCE: 0.9,
    Fault.AMPLITUDE: 0.8,
    Fault.LAG: 1.0,
    Fault.TIMING: 0.9,
}
"""How much a viewer minds, 0 to 1: lips open on a P and lips out of time are seen first."""

CLASS_FAULTS = {
    SoundClass.BILABIAL: (Fault.BILABIAL, "closes"),
    SoundClass.LABIODENTAL: (Fault.LABIODENTAL, "brings the lip to the teeth"),
    SoundClass.OPEN: (Fault.OPEN, "opens"),
    SoundClass.ROUNDED: (Fault.ROUNDED, "narrows"),
}


@dataclass(frozen=True)
class Finding:
    """One thing that fails, worst first in a report."""

    fault: Fault
    sentence: str
    severity: float
    """0 to 1."""
    failing: int = 0
    of: int = 0
    times_s: tuple[float, ...] = field(default=())
    """Seconds into the voice, for faults of a class."""


def findings(measured: Measurement, limits: Limits | None = None) -> list[Finding]:
    """Return what fails, worst first; an empty list means that nothing does."""
    limits = limits or Limits()
    found = [_class_finding(measured.occurrences, kind, limits) for kind in CLASS_FAULTS]
    found += [_silence(measured, limits), _amplitude(measured, limits), _timing(measured, limits)]
    return sorted((item for item in found if item), key=lambda item: -item.severity)


def _class_finding(occurrences: Sequence[Occurrence], kind: SoundClass, limits: Limits) -> Finding | None:
    judged = counted(occurrences, kind)
    good = share(judged)
    if good is None or len(judged) < limits.least_occurrences or good >= limits.class_share:
        return None
    fault, verb = CLASS_FAULTS[kind]
    missed = [item for item in judged if not item.good]
    sentence = f"{verb} on {len(judged) - len(missed)} of {len(judged)} {SPOKEN_AS[kind]} (share {good:.2f})"
    if not all(item.sure for item in judged):
        sentence += ", some of them recognised with doubt"
    times = tuple(item.time_s for item in missed)
    return Finding(fault, sentence, WEIGHTS[fault] * (1 - good), len(missed), len(judged), times)


def _silence(measured: Measurement, limits: Limits) -> Finding | None:
    sd, mean = measured.silence_sd_mm, measured.silence_mean_mm
    if sd is None or mean is None or measured.silence_frames < limits.least_silence_frames:
        return None
    if sd < limits.silence_sd_mm and mean < limits.silence_mean_mm:
        return None
    excess = max(sd / limits.silence_sd_mm, mean / limits.silence_mean_mm)
    sentence = (
        f"moves in silence: sd {sd:.1f} mm (limit {limits.silence_sd_mm}), mean opening {mean:.1f} mm "
        f"(limit {limits.silence_mean_mm}) over {measured.silence_frames} frames"
    )
    return Finding(Fault.SILENCE, sentence, WEIGHTS[Fault.SILENCE] * (1 - 1 / (1 + excess)))


def _amplitude(measured: Measurement, limits: Limits) -> Finding | None:
    size = measured.amplitude_mm
    if size is None or limits.least_amplitude_mm <= size <= limits.most_amplitude_mm:
        return None
    if size < limits.least_amplitude_mm:
        sentence = f"hardly moves: {size:.1f} mm (at least {limits.least_amplitude_mm})"
        remaining = size / limits.least_amplitude_mm
    else:
        sentence = f"moves too far: {size:.1f} mm (at most {limits.most_amplitude_mm})"
        remaining = limits.most_amplitude_mm / size
    return Finding(Fault.AMPLITUDE, sentence, WEIGHTS[Fault.AMPLITUDE] * (1 - remaining))


def _timing(measured: Measurement, limits: Limits) -> Finding | None:
    lag, r = measured.lag_frames, measured.r_expected
    if lag is not None and abs(lag) >= limits.lag_frames:
        side = "late" if lag > 0 else "early"
        sentence = f"is {abs(lag)} frames {side} ({abs(lag) * 40} ms)"
        return Finding(Fault.LAG, sentence, WEIGHTS[Fault.LAG] * (1 - limits.lag_frames / (1 + abs(lag))))
    if r is not None and r < limits.r_expected:
        sentence = f"does not follow the words: r {r:.2f} against the expected opening (at least {limits.r_expected})"
        return Finding(Fault.TIMING, sentence, WEIGHTS[Fault.TIMING] * min(1.0, 1 - max(r, 0.0) / limits.r_expected))
    return None

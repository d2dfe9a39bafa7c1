"""Is a delta worth sending? Figures before and after in, the outcome with its reasons out. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import sqrt

from model_pipeline.fix.findings import Fault, Limits
from model_pipeline.fix.guard import Scores


class Outcome(StrEnum):
    """What became of a complaint."""

    IMPROVED = "improved"
    NO_IMPROVEMENT = "no-improvement"


@dataclass(frozen=True)
class Tolerance:
    """How much worse the replay set may get, and how much better the complaint's voice must."""

    class_share: float = 0.05
    """One sound in twenty."""
    chance: float = 1.64
    """Standard errors of a difference of shares: up to here (one side, 95 %) it may be chance."""
    silence_mm: float = 0.15
    """Half the tracker's noise."""
    amplitude_share: float = 0.10
    """Lips may not shrink by more than a tenth: closing the mouth for ever would fix every P."""
    natural_amplitude_mm: float = 12.0
    """The median of 22 tracks of real people is 12.3 mm; what moves further may come down."""
    r_expected: float = 0.03
    jitter_share: float = 0.25
    natural_jitter_mm: float = 1.6
    """The median of the same tracks; jitter may rise up to it."""
    least_gain: dict[Fault, float] | None = None
    """By fault: what counts as better; the defaults are ``GAINS``."""


GAINS = {
    Fault.BILABIAL: 0.05,
    Fault.LABIODENTAL: 0.05,
    Fault.OPEN: 0.05,
    Fault.ROUNDED: 0.05,
    Fault.SILENCE: 0.1,
    Fault.AMPLITUDE: 0.5,
    Fault.LAG: 0.5,
    Fault.TIMING: 0.03,
}


@dataclass(frozen=True)
class Verdict:
    """The outcome and why."""

    outcome: Outcome
    better: list[str]
    worse: list[str]


def missed(scores: Scores, limits: Limits) -> list[Fault]:
    """Return the classes of sounds that a model misses on a voice, by the limits of a finding.

    The tracker reads a drawn mouth with less than half its amplitude; what the model itself does is exact.
    """
    return [
        Fault(name)
        for name, share in scores.shares.items()
        if share < limits.class_share and scores.counts[name] >= limits.least_occurrences
    ]


def judge(
    faults: Sequence[Fault],
    complaint: tuple[Scores, Scores],
    replay: tuple[Scores, Scores],
    tolerance: Tolerance | None = None,
) -> Verdict:
    """Compare (before, after) on the complaint's own voice and on the replay set."""
    tolerance = tolerance or Tolerance()
    better = [sentence for fault in dict.fromkeys(faults) if (sentence := _gain(fault, *complaint, tolerance))]
    worse = _losses("replay", *replay, tolerance) + _general_losses("the complaint's voice", *complaint, tolerance)
    fixed = bool(better) and not worse
    return Verdict(Outcome.IMPROVED if fixed else Outcome.NO_IMPROVEMENT, better, worse)


def _gain(fault: Fault, before: Scores, after: Scores, tolerance: Tolerance) -> str | None:
    old, new = before.of(fault), after.of(fault)
    least = {**GAINS, **(tolerance.least_gain or {})}[fault]
    return (
        f"{fault.value} {old:.2f} -> {new:.2f}"
        if old is not None and new is not None and new >= old + least
        else None
    )


def _losses(where: str, before: Scores, after: Scores, tolerance: Tolerance) -> list[str]:
    return _class_losses(where, before, after, tolerance) + _general_losses(where, before, after, tolerance)


def _class_losses(where: str, before: Scores, after: Scores, tolerance: Tolerance) -> list[str]:
    """A single voice has too few sounds of a class for this: there one sound is a third."""
    losses = []
    for name, old in before.shares.items():
        new = after.shares.get(name, 0.0)
        if new < old - _class_tolerance(old, new, before.counts.get(name, 0), tolerance):
            losses.append(f"{name} on {where} {old:.2f} -> {new:.2f}")
    return losses


def _class_tolerance(old: float, new: float, count: int, tolerance: Tolerance) -> float:
    mean = (old + new) / 2
    error = sqrt(2 * mean * (1 - mean) / max(count, 1))
    return max(tolerance.class_share, tolerance.chance * error)


def _general_losses(where: str, before: Scores, after: Scores, tolerance: Tolerance) -> list[str]:
    """Each figure with the most that it may fall (negative: rise)."""
    jitter = before.jitter_mm or 0.0
    amplitude = before.amplitude_mm or 0.0
    less_amplitude = max(tolerance.amplitude_share * amplitude, amplitude - tolerance.natural_amplitude_mm)
    more_jitter = max(tolerance.jitter_share * jitter, tolerance.natural_jitter_mm - jitter)
    limits = {
        "r_expected": tolerance.r_expected,
        "amplitude_mm": less_amplitude,
        "jitter_mm": -more_jitter,
        "silence_sd_mm": -tolerance.silence_mm,
        "silence_mean_mm": -tolerance.silence_mm,
    }
    losses = []
    for name, limit in limits.items():
        old, new = getattr(before, name), getattr(after, name)
        if old is not None and new is not None and (old - new > limit > 0 or new - old > -limit > 0):
            losses.append(f"{name} on {where} {old:.2f} -> {new:.2f}")
    return losses

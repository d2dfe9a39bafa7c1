"""When the portrait blinks and how its head is held in every frame: decided from seed, length and accents. Pure.

Blinks last about a third of a second: lids close faster than they open (Kwon et al., J. R. Soc. Interface 10, 2013).
The head sways slowly, breathes, and nods a little with the accents of the voice. A video begins and ends with the
photo as it is.
"""

import math
from dataclasses import dataclass, replace

import numpy as np

from device_agent.engine.arrays import Floats
from device_agent.engine.life.prosody import Accent

FPS = 25
DEFAULT_LIVELINESS = 0.5
MAX_DEGREES = {"pitch": 1.5, "yaw": 1.5, "roll": 0.7}
"""No angle of the head exceeds this, at liveliness 1; a tilt has the longest lever, from neck to crown."""

SLOWEST_BLINKS, FASTEST_BLINKS = 16.0, 28.0
"""Blinks a minute as liveliness goes from 0 to 1."""

BLINK_JITTER = 0.3
"""A blink comes at most this share of the mean interval early or late."""

FIRST_BLINK_SECONDS = 0.5
CLOSING_SECONDS = (0.08, 0.12)
CLOSED_SECONDS = (0.02, 0.06)
OPENING_SECONDS = (0.15, 0.20)

SWAY_DEGREES = {"yaw": 0.9, "roll": 0.6, "pitch": 0.4}
SWAY_HERTZ = (0.09, 0.17, 0.31)
SWAY_SHARES = (0.5, 0.3, 0.2)
NOD_DEGREES = 0.9
NOD_BEFORE_SECONDS, NOD_AFTER_SECONDS = 0.20, 0.40
"""The head goes down until the accent and comes back more slowly."""

BREATH_MM = 0.5
BREATH_HERTZ = 0.25
SETTLE_SECONDS = 0.8
"""From the photo's own pose at the beginning, and back to it at the end."""


@dataclass(frozen=True)
class Pose:
    """One frame of life; all zero is the photo as it is."""

    pitch: float = 0.0
    """Degrees; positive nods down."""
    yaw: float = 0.0
    """Degrees; positive turns towards the picture's right edge."""
    roll: float = 0.0
    """Degrees; positive tilts clockwise."""
    lift_mm: float = 0.0
    """How far the breath raises the head."""
    lids: float = 0.0
    """How far the eyes are closed, 0..1."""

    @property
    def still(self) -> bool:
        """Whether the head is held as in the photo."""
        return not (self.pitch or self.yaw or self.roll or self.lift_mm)

    @property
    def head(self) -> "Pose":
        """The same with open eyes."""
        return replace(self, lids=0.0)


@dataclass(frozen=True)
class Blink:
    """One blink, in seconds of the video."""

    start: float
    closing: float
    closed: float
    opening: float

    @property
    def end(self) -> float:
        """When the eye is open again."""
        return self.start + self.closing + self.closed + self.opening

    def at(self, seconds: float) -> float:
        """Return how far the eye is closed, 0..1."""
        since = seconds - self.start
        if since <= self.closing:
            return _ease(since / self.closing)
        return 1.0 - _ease((since - self.closing - self.closed) / self.opening)


def blinks(seed: int, seconds: float, liveliness: float) -> list[Blink]:
    """Return the blinks of a video of ``seconds``: 15 to 30 a minute, none in the first half second, none cut off."""
    if liveliness <= 0:
        return []
    dice = np.random.default_rng([abs(seed), 1])
    interval = 60.0 / (SLOWEST_BLINKS + (FASTEST_BLINKS - SLOWEST_BLINKS) * min(liveliness, 1.0))
    found = []
    for index in range(math.ceil(seconds / interval)):
        middle = FIRST_BLINK_SECONDS + interval * (index + BLINK_JITTER)
        start = middle + interval * dice.uniform(-BLINK_JITTER, BLINK_JITTER)
        blink = Blink(start, *(float(dice.uniform(*r)) for r in (CLOSING_SECONDS, CLOSED_SECONDS, OPENING_SECONDS)))
        if blink.end < seconds - 1 / FPS:
            found.append(blink)
    return found


def schedule(seed: int, frames: int, accents: list[Accent], liveliness: float) -> list[Pose]:
    """Return the pose of each of ``frames``; at liveliness 0 nothing moves.

    Same arguments, same poses; another seed, other blinks and sways.
    """
    if liveliness <= 0:
        return [Pose()] * frames
    share, seconds = min(liveliness, 1.0), frames / FPS
    times = np.arange(frames) / FPS
    settle = _settle(times, seconds)
    dice = np.random.default_rng([abs(seed), 2])
    sway = {axis: degrees * _sway(times, dice) for axis, degrees in SWAY_DEGREES.items()}
    sway["pitch"] = sway["pitch"] + NOD_DEGREES * _nods(times, accents)
    lift = BREATH_MM * np.sin(2 * np.pi * (BREATH_HERTZ * times + dice.uniform()))
    lids = np.zeros(frames)
    for blink in blinks(seed, seconds, liveliness):
        first, last = int(blink.start * FPS), min(frames - 1, math.ceil(blink.end * FPS))
        for frame in range(first, last + 1):
            lids[frame] = max(lids[frame], blink.at(frame / FPS))
    angles = {axis: share * settle * _bounded(values, MAX_DEGREES[axis]) for axis, values in sway.items()}
    moved = zip(*(angles[axis] for axis in ("pitch", "yaw", "roll")), share * settle * lift, lids, strict=True)
    return [Pose(*(float(value) for value in values)) for values in moved]


def _sway(times: Floats, dice: np.random.Generator) -> Floats:
    """A slow movement without a period that an eye could find, -1..1."""
    waves = [
        part * np.sin(2 * np.pi * (hertz * dice.uniform(0.85, 1.15) * times + dice.uniform()))
        for hertz, part in zip(SWAY_HERTZ, SWAY_SHARES, strict=True)
    ]
    return np.asarray(np.sum(waves, axis=0))


def _nods(times: Floats, accents: list[Accent]) -> Floats:
    down = np.zeros(len(times))
    for accent in accents:
        since = times - accent.frame / FPS
        side = np.where(since < 0, -since / NOD_BEFORE_SECONDS, since / NOD_AFTER_SECONDS)
        down = np.maximum(down, accent.strength * np.square(np.cos(np.clip(side, 0.0, 1.0) * np.pi / 2)))
    return down


def _settle(times: Floats, seconds: float) -> Floats:
    """Rise from 0 in the first frame to 1, and back to 0 in the last."""
    last = seconds - 1 / FPS
    near = np.minimum(times, last - times) / SETTLE_SECONDS
    clipped = np.clip(near, 0.0, 1.0)
    return np.asarray(clipped * clipped * (3.0 - 2.0 * clipped))


def _bounded(values: Floats, limit: float) -> Floats:
    return np.asarray(limit * np.tanh(values / limit))


def _ease(share: float) -> float:
    share = min(max(share, 0.0), 1.0)
    return share * share * (3.0 - 2.0 * share)

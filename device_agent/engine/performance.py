"""What the face does in each frame of the video: it speaks, closes its mouth, and rests."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from device_agent.engine import canonical
from device_agent.engine.arrays import Floats
from device_agent.engine.gesture import Gesture
from device_agent.engine.life import prosody, schedule
from device_agent.engine.life.schedule import Pose
from device_agent.engine.loaded import Engine
from device_agent.engine.package import MAP_CHANNELS, MAP_SIZE
from device_agent.engine.runtime.motion import Prompt
from device_agent.engine.stopwatch import Stopwatch
from device_agent.engine.timeline import Timeline
from frame_protocol.model_package import Sampling

CLOSE_FRAMES = 6
"""After the voice the mouth closes over a quarter of a second, whatever it was doing."""


@dataclass
class Trace:
    """What the model did, for analysis; one entry for each frame in which the voice lasts."""

    opening_mm: list[float] = field(default_factory=list)
    """Lip opening of the picture, after the silence gate."""
    gate: list[float] = field(default_factory=list)
    """How far the mouth followed the model, 0..1."""
    tokens: list[list[int]] = field(default_factory=list)


def perform(
    engine: Engine, plan: Timeline, prompt: Prompt, sampling: Sampling, *, trace: Trace, watch: Stopwatch
) -> Iterator[Gesture | None]:
    """Yield the gesture of every frame of the video; None is the closed mouth at rest."""
    with watch.stage("speech"):
        gate = engine.gate(plan.speech)
    last = Gesture(np.zeros((len(MAP_CHANNELS), MAP_SIZE, MAP_SIZE), dtype=np.float32))
    spoken = engine.motion.speak(plan.speech, prompt, sampling)
    drawn = 0
    while drawn < plan.frames:
        with watch.stage("model"):
            frame = next(spoken, None)
        if frame is None:
            break
        with watch.stage("speech"):
            openness = next(gate)
        last = frame.gesture.eased(openness)
        trace.tokens.append(frame.tokens)
        trace.gate.append(round(openness, 4))
        trace.opening_mm.append(opening_of(engine, last.motion))
        drawn += 1
        yield last
    for index in range(plan.frames - drawn):
        left = 1.0 - (index + 1) / CLOSE_FRAMES
        yield last.eased(left * left) if left > 0 else None


def live(plan: Timeline, seed: int, liveliness: float) -> list[Pose]:
    """Return how the head is held and how far the eyes are closed in every frame of the video."""
    accents = []
    if liveliness > 0:
        accents = prosody.accents(prosody.loudness(plan.speech), prosody.pitch(plan.speech))
    return schedule.schedule(seed, plan.frames, accents, liveliness)


def opening_of(engine: Engine, motion: Floats) -> float:
    """Return by how many mm a map opens the mouth."""
    constants = engine.constants
    return round(canonical.map_opening(motion, constants.points, constants.extent), 3)

"""Who gets which release, and when a rollout stops by itself. Pure.

Stages name frames or a share of the fleet; a frame belongs to a share by a hash of (rollout, frame), so that no rows
are made before a frame is heard of, and everyone who computes it gets the same answer.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID, uuid5

import msgspec

from frame_protocol.updates import FINAL, UpdateState

BUCKETS = 10_000
"""Resolution of a share: a hundredth of a percent."""


class RolloutState(StrEnum):
    """draft -> running <-> halted -> finished | withdrawn."""

    DRAFT = "draft"
    RUNNING = "running"
    HALTED = "halted"
    FINISHED = "finished"
    WITHDRAWN = "withdrawn"


class Action(StrEnum):
    """What a person may do with a rollout."""

    START = "start"
    HALT = "halt"
    RESUME = "resume"
    FINISH = "finish"
    WITHDRAW = "withdraw"


ACTIONS: Mapping[RolloutState, Mapping[Action, RolloutState]] = {
    RolloutState.DRAFT: {Action.START: RolloutState.RUNNING, Action.WITHDRAW: RolloutState.WITHDRAWN},
    RolloutState.RUNNING: {
        Action.HALT: RolloutState.HALTED,
        Action.FINISH: RolloutState.FINISHED,
        Action.WITHDRAW: RolloutState.WITHDRAWN,
    },
    RolloutState.HALTED: {Action.RESUME: RolloutState.RUNNING, Action.WITHDRAW: RolloutState.WITHDRAWN},
    RolloutState.FINISHED: {},
    RolloutState.WITHDRAWN: {},
}
"""The actions allowed in each state, and where they lead; pages show these and no others."""

ORDER: Mapping[UpdateState, int] = {
    UpdateState.IDLE: 0,
    UpdateState.OFFERED: 1,
    UpdateState.DOWNLOADING: 2,
    UpdateState.VERIFIED: 3,
    UpdateState.INSTALLED: 4,
    UpdateState.TRYING: 5,
    UpdateState.KEPT: 6,
    UpdateState.REVERTED: 6,
    UpdateState.REFUSED: 6,
}
"""How far a state is along; a report that arrives late never moves a frame back."""


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a rollout: these frames, and this share of all frames."""

    percent: float = 0.0
    frames: tuple[str, ...] = ()


class HaltRule(msgspec.Struct, frozen=True, kw_only=True):
    """When a rollout stops by itself: the share of frames that went back, among those that tried."""

    max_reverted_share: float = 0.02
    min_reverted: int = 2
    """One frame alone stops nothing: it may be broken for reasons of its own."""


@dataclass(frozen=True)
class Candidate:
    """A running rollout as one frame sees it; ``state`` is how far the frame is with it, None before contact."""

    rollout_id: int
    key: str
    stages: Sequence[Stage]
    release: str
    line: str
    counter: int
    base_weights_sha256: str | None
    state: UpdateState | None
    kept_counters: Mapping[str, int]
    """By line the highest counter that the frame has kept; of firmware, also what it came with from the factory."""
    required_counters: Mapping[str, int] = field(default_factory=dict)
    """By line the counter that the release requires the frame to have kept."""


def bucket(key: str, frame_id: str) -> int:
    """Return the frame's place in the rollout, 0 to 9999, evenly spread and different in each rollout."""
    digest = hashlib.sha256(f"{key}/{frame_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % BUCKETS


def includes(stages: Iterable[Stage], key: str, frame_id: str) -> bool:
    """Whether the stages reached so far name the frame."""
    return any(frame_id in stage.frames or bucket(key, frame_id) < stage.percent * BUCKETS / 100 for stage in stages)


def order_id(key: str, frame_id: str) -> str:
    """Return the one order of this rollout to this frame: asked again it is the same."""
    return str(uuid5(UUID(key), frame_id))


def choose(frame_id: str, weights_sha256: str | None, candidates: Iterable[Candidate]) -> Candidate | None:
    """Return the rollout whose release the frame should run next, or None.

    1. the stage names the frame; 2. it has not ended kept, reverted or refused in this rollout; 3. the counter is
    above what the frame kept in this line; 4. a delta's base is what the frame runs; 5. the frame has kept what must
    be passed through or is required of another line; 6. the highest counter wins.
    """
    fitting = [
        candidate
        for candidate in candidates
        if includes(candidate.stages, candidate.key, frame_id)
        and candidate.state not in FINAL
        and candidate.counter > candidate.kept_counters.get(candidate.line, 0)
        and candidate.base_weights_sha256 in (None, weights_sha256)
        and all(
            candidate.kept_counters.get(line, 0) >= counter for line, counter in candidate.required_counters.items()
        )
    ]
    return max(fitting, key=lambda candidate: (candidate.counter, candidate.rollout_id), default=None)


def must_halt(counts: Mapping[UpdateState, int], rule: HaltRule) -> str | None:
    """Return why a rollout must stop by itself, or None.

    It stops when at least ``min_reverted`` frames went back and they are more than ``max_reverted_share`` of the
    frames that tried (kept or reverted). Refused frames never tried: they count for nothing here.
    """
    reverted = counts.get(UpdateState.REVERTED, 0)
    tried = reverted + counts.get(UpdateState.KEPT, 0)
    if reverted < rule.min_reverted or reverted <= rule.max_reverted_share * tried:
        return None
    return (
        f"{reverted} of {tried} frames that tried it went back "
        f"(stops at {rule.min_reverted} and more than {rule.max_reverted_share:.1%})"
    )


def names_only(stages: Sequence[Stage]) -> bool:
    """Whether a rollout names its frames and takes no share of the fleet: only such a one has an end of its own."""
    return all(stage.percent == 0 for stage in stages)


def is_complete(stages: Sequence[Stage], ended: int) -> bool:
    """Whether every frame of a rollout that only names frames has ended."""
    named = {frame for stage in stages for frame in stage.frames}
    return bool(named) and names_only(stages) and ended >= len(named)

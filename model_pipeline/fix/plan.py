"""What a person may choose about a fix."""

from dataclasses import dataclass, field
from pathlib import Path

from model_pipeline.fix.laboratory import LABORATORY_WEIGHTS
from model_pipeline.fix.train import Settings


@dataclass(frozen=True)
class Amounts:
    """How many sentences of each kind."""

    failing: int = 36
    replay: int = 36
    own_voice_pasts: int = 4
    """The complaint's voice is trained on this often; each time another part of its past is hidden."""
    held_out: int = 5
    """Of the failing class, and of the replay set: they decide when training stops."""
    guard: int = 24
    """The verdict listens to these."""

    @classmethod
    def small(cls, count: int) -> "Amounts":
        """Return ``count`` of each."""
        return cls(failing=count, replay=count, own_voice_pasts=1, held_out=min(count, 5), guard=count)


@dataclass(frozen=True)
class Plan:
    """Everything that a person may choose about a fix."""

    settings: Settings = field(default_factory=Settings)
    amounts: Amounts = field(default_factory=Amounts)
    transcript: str | None = None
    laboratory: Path = LABORATORY_WEIGHTS
    data: Path | None = None
    """Measured tracks, which join the replay set."""
    force: bool = False
    """Write the delta whatever the verdict."""

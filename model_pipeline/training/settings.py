"""How a training steps: precision, rate, batch, accumulation, clipping, checkpointing; complete sets by name."""

from dataclasses import asdict, dataclass
from typing import Any

import torch

FLOAT32, BFLOAT16 = "float32", "bfloat16"
PRECISIONS = {FLOAT32: torch.float32, BFLOAT16: torch.bfloat16}


@dataclass(frozen=True)
class Settings:
    """Everything about the optimiser's steps that does not depend on what is learnt."""

    precision: str = FLOAT32
    """Of activations: with ``bfloat16`` the matrix products run under autocast; weights and AdamW stay float32."""
    rate: float | None = None
    """Peak learning rate of every stage; None keeps each stage's own."""
    accumulate: int = 1
    """Micro-batches whose mean gradient makes one step."""
    batch: int | None = None
    """Clips of one step, all micro-batches together; None keeps each stage's own."""
    clip: float = 1.0
    """Largest norm of the gradient."""
    warm_up: int = 40
    """Steps until the rate is at its peak (a tenth of a stage that is shorter than ten times this)."""
    floor: float = 0.02
    """Rate at the end of a stage's cosine, as a share of its peak."""
    checkpointing: bool = False
    """Compute activations of the layers again on the way back instead of keeping them: less memory, more time."""

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise ValueError(f"precision is {self.precision!r}; one of {', '.join(PRECISIONS)} is expected")
        if self.accumulate < 1:
            raise ValueError(f"accumulate is {self.accumulate}; 1 or more micro-batches are expected")

    @property
    def micro_batch(self) -> int | None:
        """Clips of one micro-batch; None keeps each stage's own."""
        return None if self.batch is None else max(2, self.batch // self.accumulate)

    def as_state(self) -> dict[str, Any]:
        """Return what a checkpoint keeps, so that a training goes on only with what it began with."""
        return asdict(self)


NANO = Settings()
"""What the weights that ship were trained with: each stage's own rate and batch, float32."""

BRIEF = Settings(precision=BFLOAT16, rate=2e-4, accumulate=8, batch=1024, clip=1.0, checkpointing=True)
"""The maker's: bf16, 2e-4 with cosine, 1,024 clips a step in 8 micro-batches, clip 1.0, checkpointing."""

SETTINGS = {"nano": NANO, "brief": BRIEF}

"""What any machine that runs the graphs of a model package must offer; shapes in docs/protocol.md, "Graphs"."""

from dataclasses import dataclass
from typing import Protocol

from device_agent.engine.arrays import Floats


@dataclass(frozen=True)
class StepInputs:
    """Everything that the step graph sees of one frame."""

    audio: Floats
    feedback: Floats
    cos: Floats
    sin: Floats
    prompt_k: Floats
    prompt_v: Floats
    cache_k: Floats
    cache_v: Floats
    mask: Floats


class Backend(Protocol):
    """The model's four graphs on one machine: ONNX Runtime on CPUs today; an NPU is another class with these."""

    def audio(self, mel: Floats) -> Floats:
        """[1,80,1,4*(left+chunk+right)] -> [1,D,1,chunk]."""
        ...

    def prompt(self, photo: Floats, rest: Floats) -> tuple[Floats, Floats]:
        """[1,3,256,256], [1,4,1,1] -> keys and values [L*H,dh,1,256]."""
        ...

    def step(self, inputs: StepInputs) -> tuple[Floats, Floats, Floats]:
        """Return logits [1,codebook,1,T], new keys and new values [L*H,dh,1,1+T]."""
        ...

    def decoder(self, codes: Floats) -> Floats:
        """[1,K,1,T] -> [1,channels,64,64] mm."""
        ...


class TongueBackend(Protocol):
    """The graph of the tongue, which a package may be without."""

    def tongue(self, mel: Floats) -> Floats:
        """[1,80,1,4*(left+chunk+right)] -> [1,1,1,chunk]: height of the tip, 0..1."""
        ...


class RepairBackend(Protocol):
    """The graph of the drawn mouth's repair, which a package may be without."""

    def repair(self, mouth: Floats) -> Floats:
        """[1,4,48,64] -> [1,3,48,64], as ``warp/repair.py`` says."""
        ...

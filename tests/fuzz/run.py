"""Damages the targets in turn and counts what became of them."""

import resource
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.crash.cuts import chance
from tests.fuzz.damage import damaged
from tests.fuzz.targets import REFUSALS, Fuzzed

EXTRA_BYTES = 256 << 20
"""Address space that reading damaged kilobytes may take beyond what the program has at the start."""
STATUS = Path("/proc/self/statm")


@dataclass
class Tally:
    """What became of damaged bytes: refused, read as if whole, or a fault of ours."""

    refused: Counter[str] = field(default_factory=Counter)
    unharmed: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        """How many were tried."""
        return self.refused.total() + self.unharmed.total() + len(self.faults)

    def add(self, other: "Tally") -> None:
        """Add what another process counted."""
        self.refused += other.refused
        self.unharmed += other.unharmed
        self.faults += other.faults


def fuzz(targets: Sequence[Fuzzed], seed: int, numbers: Iterable[int]) -> Tally:
    """Damage a target for each number; the seed and the number say which, and how."""
    expected = {target.name: target.read(target.whole) for target in targets}
    tally = Tally()
    for number in numbers:
        random = chance(seed, "fuzz", number)
        (target,) = random.choices(targets, [target.share for target in targets])
        try:
            made = target.read(damaged(target.whole, random))
        except REFUSALS:
            tally.refused[target.name] += 1
        except Exception as error:  # noqa: BLE001 - whatever comes is what is looked for
            tally.faults.append(f"--seed {seed} --only {number}  # {target.name}: {error!r}")
        else:
            if made == expected[target.name]:
                tally.unharmed[target.name] += 1
            else:
                tally.faults.append(f"--seed {seed} --only {number}  # {target.name}: accepted")
    return tally


@contextmanager
def bounded_memory() -> Iterator[None]:
    """Let the block have EXTRA_BYTES more than there is now; beyond that, MemoryError."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    now = int(STATUS.read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + EXTRA_BYTES, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)

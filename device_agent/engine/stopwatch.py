"""Where the time of a rendering goes, stage by stage, and how much memory it took."""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path


class Stopwatch:
    """Adds up seconds under names: those of the clock, and those that this thread's processor worked."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.worked: dict[str, float] = {}

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the time of the block under ``name``."""
        begin, worked = time.perf_counter(), time.thread_time()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - begin
            self.worked[name] = self.worked.get(name, 0.0) + time.thread_time() - worked


def peak_memory_mb() -> float:
    """Return the largest resident memory that this process has had, in MB."""
    for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0

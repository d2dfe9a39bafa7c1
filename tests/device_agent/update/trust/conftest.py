"""States of the world for trust: a simulated repository, and the frame's client of it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from device_agent.update.trust.client import Bounds, TrustClient
from device_agent.update.trust.store import MetadataStore
from tests.support.tuf_simulator import NOW, Simulator


@pytest.fixture
def simulator() -> Simulator:
    """A repository that nobody has seen yet."""
    return Simulator()


class Frame:
    """A frame's trusted metadata; each ``client`` is a start of the program from what lies on the disk."""

    def __init__(self, directory: Path, simulator: Simulator) -> None:
        self.directory = directory
        self._simulator = simulator
        self._initial = simulator.roots[0]

    def client(self, *, now=NOW, bounds: Bounds | None = None) -> TrustClient:
        """Return a fresh client."""
        store = MetadataStore(self.directory)
        return TrustClient(store, self._simulator, self._initial, now=lambda: now, not_before=NOW, bounds=bounds)

    def versions(self) -> dict[str, int]:
        """Return the version of each role that is trusted."""
        found = {path.stem: json.loads(path.read_bytes()) for path in self.directory.glob("*.json")}
        return {role: document["signed"]["version"] for role, document in found.items()}


@pytest.fixture
def make_frame(tmp_path, simulator) -> Callable[[], Frame]:
    """Makes the frame: it brings the root that is the first at that moment."""
    return lambda: Frame(tmp_path / "trust", simulator)


@pytest.fixture
def frame(make_frame) -> Frame:
    """A frame that brings the repository's first root from the factory."""
    return make_frame()

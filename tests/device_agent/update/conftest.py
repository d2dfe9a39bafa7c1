"""States of the world for updates: a signed repository that is served, and a frame beside it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.repository import Served, TestRepository, hold_ceremony


@pytest.fixture(scope="session")
def ceremony_dir(tmp_path_factory) -> Path:
    """Keys of three people, of whom two must sign."""
    return hold_ceremony(tmp_path_factory.mktemp("keys") / "ceremony")


@pytest.fixture
def published(tmp_path, ceremony_dir) -> TestRepository:
    """A repository of its own for one test."""
    return TestRepository(tmp_path / "server", ceremony_dir)


@pytest.fixture
def served(published) -> Iterator[Served]:
    """The repository, served."""
    running = Served(published.config)
    yield running
    running.stop()

"""Waiting for something that another process does."""

import time
from collections.abc import Callable

PATIENCE_SECONDS = 60


def until(condition: Callable[[], bool], what: str) -> None:
    """Return as soon as ``condition`` holds; after a minute fail, naming ``what`` did not happen."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)

"""End a process as a power cut does, before the N-th thing it does to the world."""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

EVENTS = {"open", "os.rename", "os.mkdir", "os.remove", "os.chmod", "os.truncate", "socket.connect"}


def run_until_step(action: Callable[[], object], step: int, folder: Path) -> bool:
    """Run ``action`` in a child that is killed before its ``step``-th operation; return whether it was killed."""
    child = os.fork()
    if child == 0:
        _die_before(step, str(folder))
        code = 1
        try:
            action()
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.waitstatus_to_exitcode(status) == 0, "the action failed by itself"
    return False


def _die_before(step: int, folder: str) -> None:
    """Count what touches the folder or the network, and kill this process at ``step``."""
    seen = 0

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal seen
        if event not in EVENTS or not (event == "socket.connect" or str(arguments[0]).startswith(folder)):
            return
        seen += 1
        if seen == step:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)

"""What ties a child process to the one that started it: it says when it is ready, and it dies with its parent.

``serve`` ties its children to itself; whoever starts ``serve`` may tie it likewise: ``FLEET_SERVE_PARENT=<pid>``.
"""

import ctypes
import os
import signal

READY_FD = "FLEET_SERVE_READY_FD"
PARENT = "FLEET_SERVE_PARENT"

_PR_SET_PDEATHSIG = 1


def hold_on() -> None:
    """Ask the kernel to stop this process when its parent dies, if that parent asked for it."""
    parent = os.environ.get(PARENT)
    if parent is None:
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != int(parent):  # it died before the line above
        os.kill(os.getpid(), signal.SIGTERM)


def ready() -> None:
    """Tell ``serve`` that this child does its work now."""
    descriptor = os.environ.pop(READY_FD, None)
    if descriptor is not None:
        os.write(int(descriptor), b"ready")
        os.close(int(descriptor))

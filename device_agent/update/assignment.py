"""What the server wants this frame to run."""

from collections.abc import Callable

from device_agent.errors import ServerRefused, TrustError
from device_agent.update.checks import is_for
from frame_protocol.codec import decode
from frame_protocol.errors import ProtocolError
from frame_protocol.updates import Assignment

PATH = "/device/v1/assignment"


def ask(get: Callable[[str], bytes], frame_id: str) -> Assignment | None:
    """Return the assignment of this frame, or None when there is nothing to do; ``get`` is an authenticated GET."""
    body = get(PATH)
    if not body:
        return None
    try:
        assignment = decode(body, Assignment)
    except ProtocolError as error:
        raise ServerRefused(f"the server's assignment cannot be read: {error}") from error
    if not is_for(assignment, frame_id):
        raise TrustError(
            f"the server sent the assignment of {assignment.frame} to {frame_id}; it is ignored, nothing is installed"
        )
    return assignment

"""What the director wants this frame to run: its metadata is judged as any other, by the director's own root.

The answer to one question holds timestamp, snapshot and targets of a repository made for this frame; only roots are
files. The trusted set compares them with what the director said before: an answer that is replayed, expired, put
together from two or signed by somebody else is refused.
"""

from collections.abc import Callable

import msgspec

from device_agent.errors import ServerRefused, TrustError
from device_agent.update.checks import Directed, SignedFile, is_for
from device_agent.update.trust.client import MetadataSource, TrustClient
from frame_protocol.codec import decode
from frame_protocol.errors import ProtocolError
from frame_protocol.updates import ASSIGNMENT_FIELD, Assignment, DirectorMetadata

PATH = "/device/v1/assignment"
MAX_ANSWER_BYTES = 64 * 1024


class AnswerSource:
    """The director's repository as one answer shows it: roots from ``roots``, everything else from the answer."""

    def __init__(self, answer: DirectorMetadata, roots: MetadataSource) -> None:
        self._roots = roots
        self._documents = {"timestamp": answer.timestamp, "snapshot": answer.snapshot, "targets": answer.targets}

    def read(self, name: str, limit: int) -> bytes | None:
        """Return a metadata file, whatever number it is asked for by: the trusted set compares versions."""
        role = name.removesuffix(".json").rpartition(".")[2]
        if role == "root":
            return self._roots.read(name, limit)
        document = self._documents.get(role)
        data = None if document is None else bytes(document)
        if data is not None and len(data) > limit:
            raise TrustError(f"the director's {name}: at most {limit} bytes were expected; nothing is installed")
        return data


def ask(
    get: Callable[[str], bytes | None],
    roots: MetadataSource,
    trust: Callable[[MetadataSource], TrustClient],
    frame_id: str,
) -> Directed | None:
    """Return what the director says to this frame, or None when there is nothing to do.

    ``get`` is an authenticated GET (None: the server says that there is nothing), ``roots`` where the director's
    roots are, ``trust`` makes a client of its store.
    """
    body = get(PATH)
    if body is None:
        return None
    try:
        answer = decode(body, DirectorMetadata, limit=MAX_ANSWER_BYTES)
    except ProtocolError as error:
        raise ServerRefused(f"the server's assignment cannot be read: {error}") from error
    client = trust(AnswerSource(answer, roots))
    client.refresh()
    directed = _directed(client)
    if not is_for(directed.assignment, frame_id):
        raise TrustError(
            f"the director's answer is for {directed.assignment.frame}, this is {frame_id}; it is ignored, "
            "nothing is installed"
        )
    return directed


def _directed(client: TrustClient) -> Directed:
    """Read the assignment out of trusted targets: exactly one entry carries it."""
    targets = client.listed()
    carried = [custom[ASSIGNMENT_FIELD] for _, custom in targets if ASSIGNMENT_FIELD in custom]
    if len(carried) != 1:
        raise TrustError(
            f"the director's targets carry {len(carried)} assignments, expected one; nothing is installed"
        )
    try:
        assignment = msgspec.convert(carried[0], Assignment)
    except msgspec.ValidationError as error:
        raise TrustError(f"the director's assignment cannot be read: {error}; nothing is installed") from error
    return Directed(assignment, {target.path: SignedFile(target.length, target.sha256) for target, _ in targets})

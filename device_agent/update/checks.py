"""May this release be installed on this frame? Pure; every rule of docs/protocol.md, "Updates", has a number."""

from collections.abc import Mapping
from dataclasses import dataclass

from frame_protocol.updates import Artefact, ArtefactKind, Assignment, Line, Release

FOR_THE_MODEL_SLOT = frozenset({ArtefactKind.MODEL, ArtefactKind.MODEL_DELTA})


@dataclass(frozen=True)
class FrameFacts:
    """What a release may ask about the frame."""

    frame_id: str
    hardware: str
    active_weights_sha256: str | None
    free_storage_mb: float
    kept_counters: Mapping[Line, int]
    installable: frozenset[ArtefactKind]


@dataclass(frozen=True)
class SignedFile:
    """Length and hash that the offline keys signed for a path."""

    length: int
    sha256: str


def is_for(assignment: Assignment, frame_id: str) -> bool:
    """Whether the assignment is this frame's own and not another's that was replayed."""
    return assignment.frame == frame_id


def why_not(
    release: Release,
    assignment_release: str,
    assignment_line: Line,
    signed: Mapping[str, SignedFile | None],
    facts: FrameFacts,
) -> str | None:
    """Return why the release must be refused, or None when it may be installed.

    ``signed`` has what the trusted metadata says about each artefact's path, None where it says nothing.
    """
    # 1. The manifest under that path is the release and line that were assigned.
    if (release.name, release.line) != (assignment_release, assignment_line):
        return (
            f"the manifest is of {release.line}/{release.name}, assigned was {assignment_line}/{assignment_release}"
        )
    # 2. Every artefact is a trusted target, and the manifest agrees with it.
    for artefact in release.artefacts:
        if reason := _artefact_fault(artefact, signed.get(artefact.path)):
            return reason
    # 3. This agent has an installer for every artefact: all are installed, or none.
    unknown = sorted({artefact.kind for artefact in release.artefacts} - facts.installable)
    if unknown:
        return f"artefacts of kind {', '.join(unknown)} cannot be installed by this agent"
    if sum(artefact.kind in FOR_THE_MODEL_SLOT for artefact in release.artefacts) > 1:
        return "more than one artefact is for the model slot"
    # 4. Never below, nor again, what this line has kept.
    kept = facts.kept_counters.get(release.line, 0)
    if release.counter <= kept:
        return f"counter {release.counter} is not above {kept}, which this frame has kept"
    # 5. What the release asks of the frame holds.
    return _unmet(release, facts)


def _artefact_fault(artefact: Artefact, signed: SignedFile | None) -> str | None:
    if signed is None:
        return f"{artefact.path} is not signed"
    if (artefact.length, artefact.sha256) != (signed.length, signed.sha256):
        return f"{artefact.path}: length or hash in the manifest differ from the signed ones"
    return None


def _unmet(release: Release, facts: FrameFacts) -> str | None:
    requires = release.requires
    if requires.hardware and facts.hardware not in requires.hardware:
        return f"made for hardware {', '.join(requires.hardware)}; this is {facts.hardware}"
    base = requires.base_weights_sha256
    if base is not None and base != facts.active_weights_sha256:
        active = (facts.active_weights_sha256 or "none")[:12]
        return f"needs the model with weights {base[:12]}; active is {active}"
    if facts.free_storage_mb < requires.free_storage_mb:
        return f"needs {requires.free_storage_mb} MB of free storage; {facts.free_storage_mb:.0f} MB are free"
    return None

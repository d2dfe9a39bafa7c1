"""May this release be installed on this frame? Pure; every rule of docs/protocol.md, "Updates", has a number."""

from collections.abc import Mapping
from dataclasses import dataclass

from frame_protocol.updates import ArtefactKind, Assignment, Line, Release, manifest_path

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
    """Length and hash that somebody signed for a path: the offline keys, or the director."""

    length: int
    sha256: str


@dataclass(frozen=True)
class Directed:
    """What the director says: the assignment, and the files that it knows the release by."""

    assignment: Assignment
    files: Mapping[str, SignedFile]


def is_for(assignment: Assignment, frame_id: str) -> bool:
    """Whether the assignment is this frame's own and not another's that was replayed."""
    return assignment.frame == frame_id


def why_not(
    release: Release, directed: Directed, signed: Mapping[str, SignedFile | None], facts: FrameFacts
) -> str | None:
    """Return why the release must be refused, or None when it may be installed.

    ``signed`` has what the image repository's trusted metadata says about the manifest's and each artefact's path,
    None where it says nothing.
    """
    return (
        # 1. The manifest under that path is the release and line that were assigned.
        another_release(release, directed.assignment)
        # 2. Every artefact is a trusted target, and the manifest agrees with it.
        or unsigned_artefact(release, signed)
        # 3. The director and the image repository say the same of every file, and of counter and hardware.
        or disagreement(release, directed, signed, facts)
        # 4. This agent has an installer for every artefact: all are installed, or none.
        or not_installable(release, facts)
        # 5. Never below, nor again, what this line has kept.
        or not_newer(release, facts)
        # 6. What the release asks of the frame holds.
        or unmet(release, facts)
    )


def another_release(release: Release, assignment: Assignment) -> str | None:
    """Rule 1."""
    if (release.name, release.line) == (assignment.release, assignment.line):
        return None
    return f"the manifest is of {release.line}/{release.name}, assigned was {assignment.line}/{assignment.release}"


def unsigned_artefact(release: Release, signed: Mapping[str, SignedFile | None]) -> str | None:
    """Rule 2."""
    for artefact in release.artefacts:
        found = signed.get(artefact.path)
        if found is None:
            return f"{artefact.path} is not signed"
        if (artefact.length, artefact.sha256) != (found.length, found.sha256):
            return f"{artefact.path}: length or hash in the manifest differ from the signed ones"
    return None


def disagreement(
    release: Release, directed: Directed, signed: Mapping[str, SignedFile | None], facts: FrameFacts
) -> str | None:
    """Rule 3."""
    paths = {manifest_path(release.line, release.name), *(artefact.path for artefact in release.artefacts)}
    for path in sorted(paths):
        if directed.files.get(path) != signed.get(path):
            return f"{path}: director and image repository name different files"
    if beside := sorted(set(directed.files) - paths):
        return f"the director names {beside[0]}, which is no part of the release"
    if directed.assignment.counter != release.counter:
        return f"the director says counter {directed.assignment.counter}, the release {release.counter}"
    if directed.assignment.hardware != facts.hardware:
        return f"the director takes this for {directed.assignment.hardware}; it is {facts.hardware}"
    return None


def not_installable(release: Release, facts: FrameFacts) -> str | None:
    """Rule 4."""
    unknown = sorted({artefact.kind for artefact in release.artefacts} - facts.installable)
    if unknown:
        return f"artefacts of kind {', '.join(unknown)} cannot be installed by this agent"
    if sum(artefact.kind in FOR_THE_MODEL_SLOT for artefact in release.artefacts) > 1:
        return "more than one artefact is for the model slot"
    if sum(artefact.kind is ArtefactKind.FIRMWARE for artefact in release.artefacts) > 1:
        return "more than one artefact is for the firmware slot"
    return None


def not_newer(release: Release, facts: FrameFacts) -> str | None:
    """Rule 5; ``kept_counters`` holds that of the firmware that runs, also when no update brought it."""
    kept = facts.kept_counters.get(release.line, 0)
    if release.counter <= kept:
        return f"counter {release.counter} is not above {kept}, which this frame has"
    return None


def never_below(kept: Mapping[Line, int], runs: int) -> dict[Line, int]:
    """Return the counters that this frame never goes below: what it has kept, and the firmware that runs.

    ``runs`` is the counter that the running firmware's image carries: that of the factory was never kept.
    """
    if not runs:
        return dict(kept)
    return {**kept, Line.FIRMWARE: max(runs, kept.get(Line.FIRMWARE, 0))}


def other_firmware(release: Release, carried: int, kept: Mapping[Line, int]) -> str | None:
    """Rule 7, when a firmware is whole on the disk: what its image carries is what was signed, and not below.

    A release of another line has that line's counter, so that there the image speaks for itself. 0 is an image from
    before they carried one.
    """
    if release.line is Line.FIRMWARE:
        if carried in (0, release.counter):
            return None
        return f"the firmware carries counter {carried}, the release says {release.counter}"
    lowest = kept.get(Line.FIRMWARE, 0)
    if carried >= lowest:
        return None
    return f"the firmware carries counter {carried}, this frame has {lowest}"


def another_firmware(carried: int, runs: int) -> str | None:
    """Rule 8, on trial: the image that started is the one that its container spoke of."""
    if carried == runs:
        return None
    return f"the firmware runs with counter {runs}, its container says {carried}"


def unmet(release: Release, facts: FrameFacts) -> str | None:
    """Rule 6."""
    requires = release.requires
    if requires.hardware and facts.hardware not in requires.hardware:
        return f"made for hardware {', '.join(requires.hardware)}; this is {facts.hardware}"
    base = requires.base_weights_sha256
    if base is not None and base != facts.active_weights_sha256:
        active = (facts.active_weights_sha256 or "none")[:12]
        return f"needs the model with weights {base[:12]}; active is {active}"
    for line, counter in sorted(requires.counters.items()):
        kept = facts.kept_counters.get(line, 0)
        if kept < counter:
            return f"needs counter {counter} of {line} first; this frame has {kept}"
    if facts.free_storage_mb < requires.free_storage_mb:
        return f"needs {requires.free_storage_mb} MB of free storage; {facts.free_storage_mb:.0f} MB are free"
    return None

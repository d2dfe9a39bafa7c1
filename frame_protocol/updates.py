"""Releases, assignments and the states of an update on a frame (docs/protocol.md, "Updates")."""

from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from frame_protocol.codec import Versioned
from frame_protocol.firmware import MAX_COUNTER
from frame_protocol.names import BootId, FrameId, ReleaseName, Sha256, ShortText, UnixSeconds, Uuid


class UpdateState(StrEnum):
    """Where an update stands; order and arrows in docs/protocol.md."""

    IDLE = "idle"
    OFFERED = "offered"
    DOWNLOADING = "downloading"
    VERIFIED = "verified"
    INSTALLED = "installed"
    TRYING = "trying"
    KEPT = "kept"
    REVERTED = "reverted"
    REFUSED = "refused"


TRANSITIONS: dict[UpdateState, frozenset[UpdateState]] = {
    UpdateState.IDLE: frozenset({UpdateState.OFFERED}),
    UpdateState.OFFERED: frozenset({UpdateState.DOWNLOADING, UpdateState.REFUSED}),
    UpdateState.DOWNLOADING: frozenset({UpdateState.VERIFIED, UpdateState.REFUSED}),
    UpdateState.VERIFIED: frozenset({UpdateState.INSTALLED, UpdateState.REFUSED}),
    UpdateState.INSTALLED: frozenset({UpdateState.TRYING, UpdateState.REVERTED}),
    UpdateState.TRYING: frozenset({UpdateState.KEPT, UpdateState.REVERTED}),
    UpdateState.KEPT: frozenset({UpdateState.OFFERED}),
    UpdateState.REVERTED: frozenset({UpdateState.OFFERED}),
    UpdateState.REFUSED: frozenset({UpdateState.OFFERED}),
}
"""From each state, the states that may follow; a power cut leaves the state as the journal has it."""

FINAL = frozenset({UpdateState.KEPT, UpdateState.REVERTED, UpdateState.REFUSED})


class Line(StrEnum):
    """A product line: its releases are signed by the TUF delegation of this name and counted apart."""

    MODELS = "models"
    FIRMWARE = "firmware"
    SEASONAL = "seasonal"


class ArtefactKind(StrEnum):
    """What an artefact is, and so which installer takes it."""

    MODEL = "model"
    MODEL_DELTA = "model_delta"
    FIRMWARE = "firmware"
    CONTENT = "content"


class Artefact(msgspec.Struct, frozen=True, kw_only=True):
    """A file of a release; ``path`` is its TUF target path, length and hash are those of the signed target."""

    kind: ArtefactKind
    path: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9._/-]{0,199}\Z")]
    length: Annotated[int, Meta(ge=1)]
    sha256: Sha256


class Requirements(msgspec.Struct, frozen=True, kw_only=True):
    """What a frame must have for a release to be installed on it; an absent field asks for nothing."""

    hardware: list[ShortText] = []
    base_weights_sha256: Sha256 | None = None
    free_storage_mb: Annotated[int, Meta(ge=0)] = 0
    counters: dict[Line, Annotated[int, Meta(ge=1)]] = {}
    """By line the counter that the frame must have reached: ``firmware`` says "firmware >= x", and the release's own
    line names the last step that must be passed through."""


class Release(Versioned, kw_only=True, frozen=True):
    """A release manifest: the TUF target ``manifest_path(line, name)``; its artefacts are installed together."""

    name: ReleaseName
    line: Line = Line.MODELS
    counter: Annotated[int, Meta(ge=1)]
    """Grows with every release of a line; a frame never goes below the highest it has kept."""
    title: ShortText = ""
    artefacts: Annotated[list[Artefact], Meta(min_length=1, max_length=16)]
    requires: Requirements = Requirements()
    step: bool = False
    """A step that every frame must pass through: later releases of the line require its counter."""
    result_weights_sha256: Sha256 | None = None
    """Hash of the integer weights that are active afterwards (model_package.weights_hash)."""


Url = Annotated[str, Meta(pattern=r"^https?://[!-~]+\Z", max_length=200)]


class Assignment(Versioned, kw_only=True, frozen=True):
    """The release this frame should run, and the order (rollout contact) that says so; the director signs it."""

    frame: FrameId
    order_id: Uuid
    release: ReleaseName
    line: Line = Line.MODELS
    hardware: ShortText = ""
    """The model of frame that the director takes this one for."""
    counter: Annotated[int, Meta(ge=0)] = 0
    """The release's counter, as the director knows it."""
    mirrors: Annotated[tuple[Url, ...], Meta(max_length=8)] = ()
    """Base addresses of copies of the server's targets, to be asked before it; trusted with nothing."""


ASSIGNMENT_FIELD = "x-liveframe-assignment"
"""Field of the ``custom`` part of the manifest's entry in the director's targets: the ``Assignment``."""


class DirectorMetadata(Versioned, kw_only=True, frozen=True):
    """Server to frame: the director's TUF metadata for this frame alone, signed when it was asked for."""

    timestamp: msgspec.Raw
    snapshot: msgspec.Raw
    targets: msgspec.Raw


def manifest_path(line: Line, release: str) -> str:
    """Target path of a release's manifest."""
    return f"releases/{line}/{release}.json"


def artefact_path(line: Line, release: str, file: str) -> str:
    """Target path of one artefact of a release."""
    return f"{line}/{release}/{file}"


def path_patterns(line: Line) -> list[str]:
    """The target paths that the delegation of ``line`` may sign; a ``*`` never crosses a slash (TUF, PATHPATTERN)."""
    return [f"releases/{line}/*", f"{line}/*/*"]


class HealthFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What the self-test measured."""

    token_agreement: Annotated[float, Meta(ge=0, le=1)] | None = None
    opening_error_mm: Annotated[float, Meta(ge=0)] | None = None
    first_frame_ms: Annotated[float, Meta(ge=0)] | None = None
    fps: Annotated[float, Meta(ge=0)] | None = None
    firmware: ShortText | msgspec.UnsetType = msgspec.UNSET
    """Version of the firmware that measured; absent where a frame has none, as before this field was."""
    firmware_counter: Annotated[int, Meta(ge=1, le=MAX_COUNTER)] | msgspec.UnsetType = msgspec.UNSET
    """With ``offered``: the counter of the firmware that the frame has, kept or from the factory; absent: none."""


class UpdateReport(msgspec.Struct, frozen=True, kw_only=True):
    """One state reached by one order on one frame."""

    frame: FrameId
    boot: BootId
    order_id: Uuid
    release: ReleaseName
    state: UpdateState
    at: UnixSeconds
    reason: ShortText = ""
    weights_sha256: Sha256 | None = None
    health: HealthFigures = HealthFigures()

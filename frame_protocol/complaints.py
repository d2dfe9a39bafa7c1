"""Complaints filed on a frame and what becomes of them."""

from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from frame_protocol.codec import Versioned
from frame_protocol.names import LongText, ReleaseName, Sha256, ShortText, UnixSeconds, Uuid

MAX_CLIP_BYTES = 64 * 1024 * 1024
MAX_VOICE_BYTES = 16 * 1024 * 1024


class ComplaintKind(StrEnum):
    """What the owner says is wrong."""

    LIPS_DO_NOT_MATCH = "lips-do-not-match"
    OTHER = "other"


class ComplaintState(StrEnum):
    """filed -> confirmed -> fix-offered -> fixed, or filed -> rejected."""

    FILED = "filed"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    FIX_OFFERED = "fix-offered"
    FIXED = "fixed"


class Complaint(Versioned, kw_only=True, frozen=True):
    """Frame to server, PUT /device/v1/complaints/{id}: idempotent, so a frame may send it again."""

    complaint_id: Uuid
    kind: ComplaintKind
    at: UnixSeconds
    model_id: ShortText
    weights_sha256: Sha256
    consent: bool
    """The owner agreed that clip and voice are sent and looked at; without it neither may be attached."""
    text: LongText = ""
    clip_sha256: Sha256 | None = None
    voice_sha256: Sha256 | None = None
    """PUT .../{id}/clip (video/mp4) and .../{id}/voice (audio/wav) follow when set and consented."""


class ComplaintStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Server to frame, in the list of GET /device/v1/complaints."""

    complaint_id: Uuid
    state: ComplaintState
    release: ReleaseName | None = None


class ComplaintList(Versioned, kw_only=True, frozen=True):
    """Server to frame: this frame's complaints, newest first."""

    complaints: Annotated[list[ComplaintStatus], Meta(max_length=200)]

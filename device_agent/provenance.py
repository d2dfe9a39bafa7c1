"""What a video says about itself in its metadata: that it is AI-generated, by which model, and which video it is.

The engine writes it, playback reads it back; neither imports the other.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from frame_protocol.telemetry import Fill

RECORD = re.compile(r"liveframe/1 ai-generated model=(\S{1,200}) video=([0-9a-f-]{36}) fill=(\w{1,16})")


@dataclass(frozen=True)
class Provenance:
    """Where a video comes from."""

    model_id: str
    video_id: str
    fill: Fill


def to_metadata(provenance: Provenance) -> dict[str, str]:
    """Return the tags: a sentence for people and a record for programs."""
    sentence = f"AI-generated: a still photo animated to a voice recording by Liveframe, model {provenance.model_id}"
    made = f"model={provenance.model_id} video={provenance.video_id} fill={provenance.fill.value}"
    record = f"liveframe/1 ai-generated {made}"
    return {"title": "Talking photo (AI-generated)", "description": sentence, "comment": record}


def from_metadata(tags: Mapping[str, str]) -> Provenance | None:
    """Read the record back; None for a video that is not ours."""
    found = RECORD.search(tags.get("comment", ""))
    if found is None or found[3] not in set(Fill):
        return None
    return Provenance(found[1], found[2], Fill(found[3]))

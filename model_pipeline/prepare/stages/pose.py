"""Stage ``pose``: clips of heads turned by more than 30 degrees get a mirrored copy; beyond 60 they are set aside.

The pose is that of the mesh against the canonical face (3D similarity on the upper face); on renders of known yaw it
reads about 10 % too much. A mirrored copy is another face: its speaker is named so.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from device_agent.engine import canonical
from model_pipeline.prepare.clip import Clip, read_clip, write_clip
from model_pipeline.prepare.faces import canonical_points, poses
from model_pipeline.prepare.layout68 import mirror_of
from model_pipeline.prepare.outcome import Outcome, SetAside, Why
from model_pipeline.prepare.progress import Tick
from model_pipeline.prepare.stages.align import aligned68

NAME = "pose"
MIRRORED = " (mirrored)"
"""Appended to the speaker's name."""


@dataclass(frozen=True)
class PoseSettings:
    """Angles in degrees of the clip's median yaw, to either side."""

    mirror_above: float = 30.0
    refuse_above: float = 60.0
    """The mesh follows a face to about here."""


def pose(source: Path, target: Path, settings: PoseSettings, tick: Tick) -> Outcome:
    """Write the clip of ``source``, and its mirrored copy where the head is turned."""
    clip = read_clip(source)
    yaw = float(np.median(yaws(clip.landmarks[clip.ok]))) if clip.ok.any() else 0.0
    outcome = Outcome(seconds_in=clip.seconds, figures={"yaw_degrees": abs(yaw)})
    if abs(yaw) > settings.refuse_above:
        outcome.set_aside.append(SetAside(clip.source, Why.TURNED_AWAY, clip.seconds))
        return outcome
    copies = [clip, mirrored(clip)] if abs(yaw) > settings.mirror_above else [clip]
    for copy in copies:
        write_clip(target / copy.id, copy, source)
        outcome.kept.append(copy.id)
        outcome.seconds_out += copy.seconds
    outcome.figures["mirrored_copies"] = float(len(copies) - 1)
    tick(1.0)
    return outcome


def yaws(landmarks: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the yaw of each frame [T,478,3] in degrees; positive towards the picture's left edge."""
    return np.array([canonical.yaw_degrees(found) for found in poses(landmarks)])


def mirrored(clip: Clip) -> Clip:
    """Return the clip seen in a mirror: the same sound, the other side."""
    other = mirror_of(canonical_points())
    landmarks = clip.landmarks[:, other].copy()
    landmarks[..., 0] = clip.size - landmarks[..., 0]
    photo_points = clip.photo_points[:, other].copy()
    photo_points[..., 0] = clip.photos.shape[2] - photo_points[..., 0]
    return replace(
        clip, id=f"{clip.id}-mirrored", speaker=clip.speaker + MIRRORED, landmarks=landmarks,
        points68=aligned68(landmarks)[0], photos=np.ascontiguousarray(clip.photos[:, :, ::-1]),
        photo_points=photo_points,
    )  # fmt: skip

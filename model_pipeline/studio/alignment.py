"""How the engine sees a rendered photograph: its own detector, mesh and pose, and where they carry a motion map.

Where the detector finds no face in the picture, the head's exact pose takes the place of the measured one; such
pictures are counted apart.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from device_agent.engine import canonical
from device_agent.engine.package import Constants
from device_agent.engine.photo.portrait import Portrait, PortraitReader
from device_agent.engine.warp.surface import canonical_grid
from device_agent.errors import NoFace
from model_pipeline.studio.head import Head
from model_pipeline.studio.picture import Camera, Pixels

Floats = NDArray[np.float64]
LIPS = list(canonical.LIPS)
BESIDE_PX = 12


@dataclass(frozen=True)
class Alignment:
    """From the canonical face to one picture."""

    places: Floats
    """[40,2]: where the head's true lip points lie in the canonical face, as the engine takes it."""
    turn: Floats
    """[2,2]: canonical mm in the picture's plane to pixels."""
    rest_opening_mm: float
    portrait: Portrait | None
    """What the engine measured; None where it found no face."""

    def moved(self, motion: NDArray[np.floating], constants: Constants) -> Floats:
        """Return by how many pixels [40,2] a map [4,64,64] moves the lip points of the picture."""
        there = constants.points.astype(np.float64).copy()
        there[LIPS, :2] = self.places
        map_ = motion - self.rest_opening_mm * constants.opening_map
        return np.asarray(canonical.displaced_lips(map_, there, constants.extent) @ self.turn.T)


def align_photo(reader: PortraitReader, photo: Pixels, head: Head, view: Camera, constants: Constants) -> Alignment:
    """Measure a rendered photo as the engine measures any photo."""
    lips_px = view.project(head.lips_at_rest)[:, :2]
    try:
        portrait = reader.read(photo, photo.shape[1], photo.shape[0])
    except NoFace:
        return _exact(head, view, constants, lips_px)
    return Alignment(
        _places(portrait.landmarks, constants, lips_px),
        portrait.to_canvas.scale * portrait.to_canvas.rotation[:2, :2],
        portrait.rest_opening_mm,
        portrait,
    )


def _exact(head: Head, view: Camera, constants: Constants, lips_px: Floats) -> Alignment:
    """Lay the canonical face on the head by the head's own pose and lips."""
    shift = head.lips_at_rest.mean(axis=0) - constants.points[LIPS].mean(axis=0)
    on_head = constants.points.astype(np.float64) + shift
    landmarks = view.project(on_head)
    landmarks[LIPS, :2] = lips_px
    scale = float(view.px_per_mm(view.posed(head.lips_at_rest)[:, 2].mean()))
    return Alignment(_places(landmarks, constants, lips_px), scale * view.rotation[:2, :2], 0.0, None)


def _places(landmarks: NDArray[np.floating], constants: Constants, lips_px: Floats) -> Floats:
    low, high = np.floor(lips_px.min(axis=0)) - BESIDE_PX, np.ceil(lips_px.max(axis=0)) + BESIDE_PX
    x, y = (np.arange(a, b + 1, dtype=np.float32) for a, b in zip(low, high, strict=True))
    grid = canonical_grid(landmarks, constants.points, x, y)
    at = (lips_px - low).astype(np.float32)
    found = cv2.remap(grid, at[:, None, 0], at[:, None, 1], cv2.INTER_LINEAR)
    return np.asarray(found[:, 0], dtype=np.float64)

"""From a photo file to the portrait: the print cut out, its colours restored if asked, the face measured."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from device_agent.engine import canonical
from device_agent.engine.arrays import Floats, Pixels
from device_agent.engine.photo.borders import cut_borders
from device_agent.engine.photo.dust import remove_dust
from device_agent.engine.photo.eyes import BROWS, LOWER_LIDS
from device_agent.engine.photo.load import load_photo
from device_agent.engine.photo.portrait import Portrait, PortraitReader
from device_agent.engine.photo.print_edges import find_print, rectify
from device_agent.engine.photo.restore import restore
from device_agent.errors import NoFace

CROPPED = "the picture shows a print on a ground; the print was cut out and set upright (--crop none keeps all)"
TRIMMED = "the paper around the photo was cut off (--crop none keeps it)"

NOSE_TIP = 4
EYES = tuple((*LOWER_LIDS[side], *BROWS[side]) for side in (0, 1))
"""From the lower lids to the brows: lashes, glasses' edges and lights are in between."""


@dataclass(frozen=True)
class Treatment:
    """What is done to a photo before its face is measured."""

    crop: bool = True
    """Cut out a photographed print, and off the paper around a scan, where the edges are certain."""
    restore: bool = False
    """Take the yellow cast and the dust off an old print."""
    face: int | None = None
    """Which face speaks, counted from the left, from 1; None is the largest."""


USUAL = Treatment()


def read_portrait(reader: PortraitReader, path: Path, width: int, height: int, treatment: Treatment) -> Portrait:
    """Read a photo for a frame of ``width`` x ``height``; raises PhotoUnreadable or NoFace."""
    whole = load_photo(path)
    for photo, note in _cuttings(whole) if treatment.crop else ():
        try:
            portrait = _measured(reader, photo, width, height, treatment)
        except NoFace:
            continue  # what looked like a print holds no such face: the whole picture decides
        return replace(portrait, warnings=(*portrait.warnings, note))
    return _measured(reader, whole, width, height, treatment)


def _cuttings(whole: Pixels) -> Iterator[tuple[Pixels, str]]:
    corners = find_print(whole)
    if corners is not None:
        yield cut_borders(rectify(whole, corners)), CROPPED
    inner = cut_borders(whole)
    if inner is not whole:
        yield inner, TRIMMED


def _measured(reader: PortraitReader, photo: Pixels, width: int, height: int, treatment: Treatment) -> Portrait:
    if not treatment.restore:
        return reader.read(photo, width, height, face=treatment.face)
    fresh = restore(photo)
    found = reader.read(fresh, width, height, face=treatment.face)
    clean = remove_dust(fresh, [found.canvas.unplace(outline) for outline in lively_parts(found)])
    return reader.read(clean, width, height, face=treatment.face)


def lively_parts(portrait: Portrait) -> list[Floats]:
    """Return outlines [n,2] in the frame of what has lights of its own: eyes and mouth, and whole faces beside it."""
    points = portrait.landmarks[:, :2]
    parts = [points[list(index)] for index in (*EYES, canonical.OUTER_LIP)]
    x, y = points[NOSE_TIP]
    for left, top, right, bottom in portrait.face_boxes:
        if not (left <= x <= right and top <= y <= bottom):
            parts.append(np.array([[left, top], [right, top], [right, bottom], [left, bottom]], dtype=np.float32))
    return parts

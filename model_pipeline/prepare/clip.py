"""A clip on its way through the stages: one face, its sound, its landmarks. On disk a folder of arrays."""

import filecmp
import os
import shutil
from dataclasses import dataclass, field, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from device_agent.engine.features import SAMPLE_RATE

CLIP, MOTION, PHOTOS, PICTURES = "clip.npz", "motion.npz", "photos.npz", "pictures.npz"
MOTION_FIELDS = ("pts", "landmarks", "ok", "points68")
PHOTO_FIELDS = ("photos", "photo_pts", "photo_points", "rest", "treatment")
FULL_SCALE = 32767


def _no_photos() -> NDArray[np.uint8]:
    return np.zeros((0, 256, 256, 3), dtype=np.uint8)


def _nothing(*shape: int) -> NDArray[np.float32]:
    return np.zeros(shape, dtype=np.float32)


@dataclass(frozen=True)
class Clip:
    """T frames of one face, N photos out of them. Coordinates are pixels of the clip's own square pictures."""

    id: str
    speaker: str
    source: str
    """The recording, and where in it: ``start`` seconds from its beginning."""
    start: float
    size: int
    """Side of the pictures in pixels."""
    pts: NDArray[np.float64]
    """[T] seconds from the clip's first frame."""
    landmarks: NDArray[np.float32]
    """[T,478,3] as the engine's mesh places them."""
    ok: NDArray[np.bool_]
    """[T]: the frame may be used."""
    audio: NDArray[np.int16]
    """16 kHz mono; sample 0 belongs to pts 0."""
    points68: NDArray[np.float32] = field(default_factory=lambda: _nothing(0, 68, 2))
    """[T,68,2] mm on the canonical face, after alignment."""
    photos: NDArray[np.uint8] = field(default_factory=_no_photos)
    """[N,256,256,3] RGB, cut as the engine cuts them."""
    photo_pts: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    """[N] the moment of each photo."""
    photo_points: NDArray[np.float32] = field(default_factory=lambda: _nothing(0, 478, 2))
    """[N,478,2] landmarks in pixels of the photo."""
    rest: NDArray[np.float32] = field(default_factory=lambda: _nothing(0, 2))
    """[N,2] opening and width in mm."""
    treatment: NDArray[np.str_] = field(default_factory=lambda: np.zeros(0, dtype="<U32"))
    """[N] what was done to each photo: ``plain``, then the augmentations by name."""

    @property
    def seconds(self) -> float:
        """Length of the sound."""
        return len(self.audio) / SAMPLE_RATE

    def sound(self) -> NDArray[np.float32]:
        """Return the sound in -1..1."""
        return self.audio.astype(np.float32) / FULL_SCALE


def to_int16(sound: NDArray[np.floating]) -> NDArray[np.int16]:
    """Return sound -1..1 as samples."""
    return np.round(np.clip(sound, -1.0, 1.0) * FULL_SCALE).astype(np.int16)


def write_clip(folder: Path, clip: Clip, like: Path | None = None, *, pictures: bool = False) -> None:
    """Write a clip into the new ``folder``.

    What is the same in the clip folder ``like`` is linked and takes no room; so are its ``pictures``, where wanted.
    """
    folder.mkdir(parents=True)
    rest = [item.name for item in fields(Clip) if item.name not in {*MOTION_FIELDS, *PHOTO_FIELDS}]
    for name, group in ((CLIP, rest), (MOTION, MOTION_FIELDS), (PHOTOS, PHOTO_FIELDS)):
        np.savez(folder / name, **{field_name: getattr(clip, field_name) for field_name in group})
        if like is not None and filecmp.cmp(folder / name, like / name, shallow=False):
            (folder / name).unlink()
            _link(like / name, folder / name)
    if pictures and like is not None:
        _link(like / PICTURES, folder / PICTURES)


def _link(old: Path, new: Path) -> None:
    try:
        os.link(old, new)
    except OSError:  # a file system without links
        shutil.copyfile(old, new)


def read_clip(folder: Path) -> Clip:
    """Read a clip."""
    values = {}
    for part in (CLIP, MOTION, PHOTOS):
        with np.load(folder / part) as packed:
            values |= {name: packed[name] for name in packed.files}
    plain = {"id": str, "speaker": str, "source": str, "start": float, "size": int}
    return Clip(**{name: plain[name](value) if name in plain else value for name, value in values.items()})


def write_pictures(folder: Path, jpegs: list[bytes]) -> None:
    """Write the pictures of a clip, one JPEG for each frame, as one file."""
    ends = np.cumsum([len(jpeg) for jpeg in jpegs])
    np.savez(folder / PICTURES, jpegs=np.frombuffer(b"".join(jpegs), dtype=np.uint8), ends=ends)


def read_jpegs(path: Path) -> list[bytes]:
    """Return the JPEGs of ``pictures.npz``."""
    with np.load(path) as packed:
        data, ends = packed["jpegs"].tobytes(), packed["ends"].tolist()
    return [data[begin:end] for begin, end in zip([0, *ends[:-1]], ends, strict=True)]

"""Which photos the gallery shows: the portrait that a package carries, and the pictures of folders."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.cbook import get_sample_data

from model_pipeline.errors import DataMissing

PICTURES = frozenset((".jpg", ".jpeg", ".png", ".webp", ".avif", ".tif", ".tiff"))
"""Ends of file names, in lower case."""


def sample_portrait() -> Path:
    """Return the US Navy's portrait of Grace Hopper (public domain), from matplotlib's sample data."""
    return Path(get_sample_data("grace_hopper.jpg", asfileobj=False))


def find_photos(folders: Sequence[Path]) -> list[Path]:
    """Return the sample portrait, then the pictures of each folder by name; raises DataMissing."""
    return [sample_portrait(), *(photo for folder in folders for photo in _pictures(folder))]


def _pictures(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise DataMissing(f"{folder} is no folder; --photos wants folders of pictures")
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in PICTURES)
    if not found:
        raise DataMissing(f"{folder} holds no picture ({', '.join(sorted(PICTURES))}); --photos wants some")
    return found

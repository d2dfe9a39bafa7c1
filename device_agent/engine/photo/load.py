"""Reads a photo file into RGB pixels, upright, within limits of size and memory."""

import struct
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, UnidentifiedImageError

from device_agent.engine.arrays import Pixels
from device_agent.engine.photo.colour import in_srgb
from device_agent.engine.photo.heic import is_heic, open_heic
from device_agent.errors import PhotoUnreadable

MAX_FILE_BYTES = 64 * 1024 * 1024
MAX_PIXELS = 100_000_000
"""A 600 dpi scan of a 10 x 15 inch print is 54 million pixels; twice that is no home scan."""

MAX_SIDE = 3840
"""Longer sides are reduced on reading: twice the width of a 1080p screen keeps every visible detail."""

MIN_SIDE = 48

FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "TIFF", "GIF", "BMP", "PPM")
"""Photos and scans come in these; every further parser would be one more for hostile files to try."""

UNREADABLE = (OSError, ValueError, SyntaxError, EOFError, RuntimeError, struct.error)
"""What the decoders raise for files that are cut short or damaged."""

ORIENTATION = 0x0112
"""The EXIF tag."""


UPRIGHT: dict[int, Callable[[Pixels], Pixels]] = {
    1: lambda pixels: pixels,
    2: np.fliplr,
    3: lambda pixels: np.rot90(pixels, 2),
    4: np.flipud,
    5: lambda pixels: pixels.transpose(1, 0, 2),
    6: lambda pixels: np.rot90(pixels, -1),
    7: lambda pixels: np.rot90(pixels, 2).transpose(1, 0, 2),
    8: np.rot90,
}
"""How the eight orientations of EXIF (2.32, 4.6.4) are set upright."""


def load_photo(path: Path) -> Pixels:
    """Return the photo as [height, width, 3] RGB, rotated as its EXIF says; alpha lies on white.

    Raises PhotoUnreadable for anything that is not a whole picture within the limits.
    """
    try:
        size = path.stat().st_size
        if not 0 < size <= MAX_FILE_BYTES:
            raise PhotoUnreadable(f"{path.name} has {size} bytes; a picture of 1 byte to 64 MiB is expected")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with path.open("rb") as file:
                return _pixels(_opened(file, path), path.name)
    except Image.DecompressionBombError as error:
        raise PhotoUnreadable(
            f"{path.name} has more than {MAX_PIXELS // 1_000_000} million pixels; reduce it"
        ) from error
    except UNREADABLE as error:
        raise PhotoUnreadable(f"{path.name} cannot be read whole ({error}); copy or scan it again") from error


def _opened(file: BinaryIO, path: Path) -> Image.Image:
    Image.init()  # or the formats that Pillow does not preload are unknown to it
    try:
        return Image.open(file, formats=FORMATS)
    except UnidentifiedImageError as error:
        if is_heic(path):
            return open_heic(file, path.name)
        raise PhotoUnreadable(
            f"{path.name} is not a picture that can be read; give a JPEG, PNG, WebP, AVIF, HEIC or TIFF"
        ) from error


def _pixels(image: Image.Image, name: str) -> Pixels:
    width, height = image.size
    if width * height > MAX_PIXELS or min(width, height) < MIN_SIDE:
        raise PhotoUnreadable(
            f"{name} is {width}x{height}; sides of {MIN_SIDE} pixels or more are expected, "
            f"and at most {MAX_PIXELS // 1_000_000} million pixels"
        )
    image.draft("RGB", (MAX_SIDE, MAX_SIDE))
    if image.mode == "1":
        image = image.convert("L")
    turned = _orientation(image)
    if max(image.size) > MAX_SIDE:  # before it is turned: a turn is a second copy
        image.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.BOX, reducing_gap=2.0)
    pixels = np.array(_to_rgb(image), dtype=np.uint8)
    return np.ascontiguousarray(UPRIGHT[turned](pixels))


def _orientation(image: Image.Image) -> int:
    """Return how the camera was held, 1 to 8; 1 where the file does not say, or says nonsense."""
    try:
        found = image.getexif().get(ORIENTATION, 1)
    except (*UNREADABLE, KeyError, TypeError):  # the note is damaged, the picture is not
        return 1
    return found if found in UPRIGHT else 1


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return _stretch(image).convert("RGB")
    if image.mode in ("LA", "PA", "RGBA", "La", "RGBa") or "transparency" in image.info:
        layer = image.convert("RGBA")
        ground = Image.new("RGBA", layer.size, "white")
        return Image.alpha_composite(ground, layer).convert("RGB")
    return in_srgb(image)


def _stretch(image: Image.Image) -> Image.Image:
    """Bring more than 8 bits of grey to 8, full range."""
    values = np.nan_to_num(np.asarray(image, dtype=np.float32))
    low, high = float(values.min()), float(values.max())
    scaled = (values - low) * (255.0 / max(high - low, 1e-6))
    return Image.fromarray(scaled.astype(np.uint8))

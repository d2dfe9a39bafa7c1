"""Reads a photo file into RGB pixels, upright, within limits of size and memory."""

import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from device_agent.engine.arrays import Pixels
from device_agent.errors import PhotoUnreadable

MAX_FILE_BYTES = 64 * 1024 * 1024
MAX_PIXELS = 100_000_000
"""A 600 dpi scan of a 10 x 15 inch print is 54 million pixels; twice that is no home scan."""

MAX_SIDE = 3840
"""Longer sides are reduced on reading: twice the width of a 1080p screen keeps every visible detail."""

MIN_SIDE = 48
HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
"""First brand of the container (ISO/IEC 23008-12); docs/adr/0013 says why it is not decoded."""


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
            with Image.open(path) as image:
                return _pixels(image, path.name)
    except Image.DecompressionBombError as error:
        raise PhotoUnreadable(
            f"{path.name} has more than {MAX_PIXELS // 1_000_000} million pixels; reduce it"
        ) from error
    except UnidentifiedImageError as error:
        raise PhotoUnreadable(_why_not(path)) from error
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        raise PhotoUnreadable(f"{path.name} cannot be read whole ({error}); copy or scan it again") from error


def _why_not(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(12)
    if head[4:8] == b"ftyp" and head[8:12] in HEIC_BRANDS:
        return (
            f"{path.name} is a HEIC photo, which this frame does not decode; share or send it from the telephone "
            "as JPEG (most compatible) and give that"
        )
    return f"{path.name} is not a picture that can be read; give a JPEG, PNG, WebP, AVIF or TIFF"


def _pixels(image: Image.Image, name: str) -> Pixels:
    width, height = image.size
    if width * height > MAX_PIXELS or min(width, height) < MIN_SIDE:
        raise PhotoUnreadable(
            f"{name} is {width}x{height}; sides of {MIN_SIDE} pixels or more are expected, "
            f"and at most {MAX_PIXELS // 1_000_000} million pixels"
        )
    image.draft("RGB", (MAX_SIDE, MAX_SIDE))
    upright = ImageOps.exif_transpose(image)
    if max(upright.size) > MAX_SIDE:
        upright.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.BOX, reducing_gap=2.0)
    return np.array(_to_rgb(upright), dtype=np.uint8)


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return _stretch(image).convert("RGB")
    if image.mode in ("LA", "PA", "RGBA", "La", "RGBa") or "transparency" in image.info:
        layer = image.convert("RGBA")
        ground = Image.new("RGBA", layer.size, "white")
        return Image.alpha_composite(ground, layer).convert("RGB")
    return image.convert("RGB")


def _stretch(image: Image.Image) -> Image.Image:
    """Bring more than 8 bits of grey to 8, full range."""
    values = np.asarray(image, dtype=np.float32)
    low, high = float(values.min()), float(values.max())
    scaled = (values - low) * (255.0 / max(high - low, 1e-6))
    return Image.fromarray(scaled.astype(np.uint8))

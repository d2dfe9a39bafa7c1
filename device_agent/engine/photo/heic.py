"""Opens HEIC photos with pi-heif, where the maker of the frame installed it; the only place that knows that library.

It is the extra ``heic``, not a dependency: who ships it answers for the patents on HEVC (docs/adr/0024).
"""

from pathlib import Path
from typing import BinaryIO

from PIL import Image

from device_agent.errors import PhotoUnreadable

BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1")
"""First brand of the container (ISO/IEC 23008-12)."""

BRAND_BYTES = 12
"""The length of the first box, the word ftyp and the brand."""


def is_heic(path: Path) -> bool:
    """Return whether the file begins as a HEIC photo does."""
    with path.open("rb") as file:
        head = file.read(BRAND_BYTES)
    return head[4:8] == b"ftyp" and head[8:BRAND_BYTES] in BRANDS


def open_heic(file: BinaryIO, name: str) -> Image.Image:
    """Return the photo's main picture, upright and not yet decoded; ``file`` stays open until it is.

    Raises PhotoUnreadable where HEIC is not installed, SyntaxError where the file is damaged.
    """
    try:
        import pi_heif
    except ImportError:
        raise PhotoUnreadable(
            f"{name} is a HEIC photo, which this frame does not decode; share or send it from the telephone "
            "as JPEG (most compatible) and give that"
        ) from None
    image: Image.Image = pi_heif.HeifImageFile(file, name)
    return image

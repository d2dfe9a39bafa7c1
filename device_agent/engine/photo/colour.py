"""Colours as the screen shows them: telephones write Display P3, some scanners Adobe RGB, printers CMYK."""

import io

from PIL import Image, ImageCms

PROFILED = ("RGB", "CMYK", "L")
"""Kinds of pixels that a colour profile (ICC.1) may belong to."""


def in_srgb(image: Image.Image) -> Image.Image:
    """Return the picture in sRGB; a profile that is damaged or belongs to other pixels is left aside."""
    profile = image.info.get("icc_profile")
    if profile and image.mode in PROFILED:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
        except (ImageCms.PyCMSError, OSError, ValueError):
            converted = None
        if converted is not None:
            return converted
    return image.convert("RGB")

"""The encoder's presets, and the rate factor that gives each the same quality; figures in docs/model/speed.md."""

PRESETS = ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium")
DEFAULT_PRESET = "superfast"
QUALITY = 20
"""x264's constant rate factor: no visible loss on a photo."""

QUICK_QUALITY = 23
"""That of presets which do not look at coming frames: they keep more of each picture at the same factor."""

QUICK_PRESETS = ("ultrafast", "superfast")


def rate_factor(preset: str) -> int:
    """Return the constant rate factor at which ``preset`` has the quality of the others."""
    return QUICK_QUALITY if preset in QUICK_PRESETS else QUALITY

"""The small visible mark that says that a video is AI-generated: "AI" on a dark plate in the lower right corner."""

from dataclasses import dataclass

import cv2
import numpy as np

from device_agent.engine.arrays import Pixels
from device_agent.engine.video.frames import Planes

TEXT = "AI"
HEIGHT_SHARE, MARGIN_SHARE = 0.045, 0.03
"""Of the shorter side of the frame."""

MIN_HEIGHT_PX = 14
PLATE, INK, GREY = 40, 225, 128
"""Brightness of plate and letters (limited range), and no colour."""

LETTER_SHARE = 0.6
"""Height of the letters on the plate."""


@dataclass(frozen=True)
class Mark:
    """An opaque plate; it covers whatever moves under it."""

    left: int
    top: int
    plate: Pixels
    """[height, width] brightness; all sides are even."""

    def put(self, planes: Planes) -> None:
        """Write the mark into a frame; writing it twice changes nothing."""
        rows, columns = self.plate.shape
        planes.y[self.top : self.top + rows, self.left : self.left + columns] = self.plate
        half = (
            slice(self.top // 2, (self.top + rows) // 2),
            slice(self.left // 2, (self.left + columns) // 2),
        )
        planes.u[half] = planes.v[half] = GREY


def make_mark(width: int, height: int) -> Mark:
    """Return the mark for a frame of ``width`` x ``height``."""
    side = min(width, height)
    rows = max(MIN_HEIGHT_PX, _even(HEIGHT_SHARE * side))
    font, thickness = cv2.FONT_HERSHEY_DUPLEX, max(1, rows // 20)
    scale = cv2.getFontScaleFromHeight(font, max(4, round(LETTER_SHARE * rows)), thickness)
    (text_width, text_height), _ = cv2.getTextSize(TEXT, font, scale, thickness)
    columns = _even(text_width + 0.6 * rows)
    plate = np.full((rows, columns), PLATE, dtype=np.uint8)
    corner = ((columns - text_width) // 2, (rows + text_height) // 2)
    cv2.putText(plate, TEXT, corner, font, scale, INK, thickness, cv2.LINE_AA)
    margin = MARGIN_SHARE * side
    return Mark(_even(width - columns - margin), _even(height - rows - margin), plate)


def _even(pixels: float) -> int:
    return round(pixels / 2) * 2

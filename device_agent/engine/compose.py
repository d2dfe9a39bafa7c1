"""Fits a photo of any shape into the video's frame; what is left over is the photo again, blurred and dimmed."""

from dataclasses import dataclass

import cv2
import numpy as np

from device_agent.engine.arrays import Floats, Pixels

FILL_BLUR_SIDE = 48
"""The fill is made from a picture of this many pixels, so that nothing in it can be recognised."""

FILL_BRIGHTNESS = 0.55

RGB_TO_YUV = np.array(
    [
        [0.182586, 0.614231, 0.062007, 16.0],
        [-0.100644, -0.338572, 0.439216, 128.0],
        [0.439216, -0.398942, -0.040274, 128.0],
    ]
)
"""ITU-R BT.709, limited range."""


@dataclass(frozen=True)
class Canvas:
    """The still frame, and where the photo lies in it."""

    pixels: Pixels
    """[height, width, 3] RGB."""
    left: int
    top: int
    right: int
    bottom: int
    scale_x: float
    scale_y: float

    def place(self, points: Floats) -> Floats:
        """Carry points [n,3] of the photo (z on the scale of x) into the frame."""
        scale = np.array([self.scale_x, self.scale_y, (self.scale_x + self.scale_y) / 2])
        return np.asarray(points * scale + np.array([self.left, self.top, 0.0]), dtype=np.float32)

    def unplace(self, points: Floats) -> Floats:
        """Carry points [n,>=2] of the frame back into the photo: [n,2]."""
        corner, scale = np.array([self.left, self.top]), np.array([self.scale_x, self.scale_y])
        return np.asarray((points[:, :2] - corner) / scale, dtype=np.float32)


def compose(photo: Pixels, width: int, height: int) -> Canvas:
    """Return the frame of ``width`` x ``height`` with the whole photo in its middle."""
    rows, columns = photo.shape[:2]
    scale = min(width / columns, height / rows)
    inner = (max(2, round(columns * scale)), max(2, round(rows * scale)))
    kind = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    left, top = (width - inner[0]) // 2, (height - inner[1]) // 2
    pixels = _fill(photo, width, height)
    pixels[top : top + inner[1], left : left + inner[0]] = cv2.resize(photo, inner, interpolation=kind)
    return Canvas(pixels, left, top, left + inner[0], top + inner[1], inner[0] / columns, inner[1] / rows)


def to_yuv(pixels: Pixels) -> Pixels:
    """Convert RGB to YUV 4:4:4, BT.709 limited range."""
    return np.asarray(cv2.transform(pixels, RGB_TO_YUV), dtype=np.uint8)


def halve_colour(yuv: Pixels) -> Pixels:
    """Return the colour [h/2,w/2,2] of YUV 4:4:4 [h,w,3], each the mean of four pixels, halves rounded up."""
    rows, columns = yuv.shape[:2]
    quads = yuv[..., 1:].reshape(rows // 2, 2, columns // 2, 2, 2).mean(axis=(1, 3)) + 0.5
    return np.asarray(quads, dtype=np.uint8)


def _fill(photo: Pixels, width: int, height: int) -> Pixels:
    rows, columns = photo.shape[:2]
    scale = max(width / columns, height / rows)
    cut_w, cut_h = min(columns, round(width / scale)), min(rows, round(height / scale))
    x, y = (columns - cut_w) // 2, (rows - cut_h) // 2
    small_size = (FILL_BLUR_SIDE, max(2, round(FILL_BLUR_SIDE * height / width)))
    small = cv2.resize(photo[y : y + cut_h, x : x + cut_w], small_size, interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), 2.0)
    smooth = cv2.resize(small.astype(np.float32) * FILL_BRIGHTNESS, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.clip(smooth, 0, 255), dtype=np.uint8)

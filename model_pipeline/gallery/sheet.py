"""Contact sheets: the whole frame, the photo's own mouth, and the mouth closed, half open and widest open."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from device_agent.engine.timeline import FPS
from model_pipeline.gallery.mouth import Box, Moments

TILE, GAP, CAPTION = 288, 8, 20
"""Pixels: side of a picture, between pictures, height of a line of text."""
TEXT_SIZE = 14
INK, PAPER = (30, 30, 30), (250, 249, 246)
TITLES = ("closed", "half", "widest")


def mouth_sheet(
    title: str, photo: np.ndarray, frames: Sequence[np.ndarray], found: Moments, square: Box
) -> Image.Image:
    """Return a row of pictures under a title.

    ``photo`` and ``frames`` (closed, half, widest) are RGB [height, width, 3] of one size, of which ``square`` is a
    part.
    """
    whole = Image.fromarray(frames[-1])
    whole.thumbnail((TILE * 2, TILE))
    pictures = [whole, *(_mouth(pixels, square) for pixels in (photo, *frames))]
    texts = ["whole frame, widest", "the photo's mouth"]
    texts += [
        f"{name} {mm:.1f} mm, {frame / FPS:.2f} s"
        for name, mm, frame in zip(TITLES, found.opening_mm, found.frames, strict=True)
    ]
    sheet = Image.new("RGB", (TILE * 6 + GAP * 6, TILE + 2 * CAPTION + GAP), PAPER)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=TEXT_SIZE)
    draw.text((GAP, 1), title, fill=INK, font=font)
    left = GAP
    for index, (picture, text) in enumerate(zip(pictures, texts, strict=True)):
        room = TILE * 2 if index == 0 else TILE
        sheet.paste(picture, (left + (room - picture.width) // 2, CAPTION + (TILE - picture.height) // 2))
        draw.text((left, CAPTION + TILE + 2), text, fill=INK, font=font)
        left += room + GAP
    return sheet


def _mouth(pixels: np.ndarray, square: Box) -> Image.Image:
    return Image.fromarray(pixels).crop(square).resize((TILE, TILE), Image.Resampling.BICUBIC)


def stack(sheets: Sequence[Path], out: Path) -> None:
    """Write the sheets below each other into one picture."""
    pictures = [Image.open(path) for path in sheets]
    whole = Image.new("RGB", (max(p.width for p in pictures), sum(p.height for p in pictures)), PAPER)
    top = 0
    for picture in pictures:
        whole.paste(picture, (0, top))
        top += picture.height
    whole.save(out)

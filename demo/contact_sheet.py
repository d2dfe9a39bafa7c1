"""A picture that shows at one look what the videos show in fifteen seconds."""

from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np
from PIL import Image, ImageDraw, ImageFont

TILE = 300
GAP = 8
CAPTION = 22
INK = (30, 30, 30)
PAPER = (250, 249, 246)

Box = tuple[int, int, int, int]


def moments(openings: Sequence[float], count: int, *, fps: int = 25, spoken_seconds: float) -> list[int]:
    """Return ``count`` frame numbers inside the speech: alternately the most open and most closed of equal spans."""
    spoken = np.asarray(openings[: max(count, round(spoken_seconds * fps))], dtype=np.float64)
    spans = np.array_split(np.arange(spoken.size), count)
    return [
        int(span[np.argmax(spoken[span]) if number % 2 == 0 else np.argmin(spoken[span])])
        for number, span in enumerate(spans)
    ]


def read_frames(video: Path, numbers: Sequence[int]) -> dict[int, Image.Image]:
    """Return the pictures of the named frames of a video."""
    wanted, last = set(numbers), max(numbers)
    found: dict[int, Image.Image] = {}
    with av.open(str(video)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number in wanted:
                found[number] = Image.fromarray(frame.to_ndarray(format="rgb24"))
            if number >= last:
                break
    return found


def mouth_box(face: Box) -> Box:
    """Return the lower middle of a face box (left, top, right, bottom), square."""
    left, top, right, bottom = face
    side = (right - left) // 2
    middle, low = (left + right) // 2, top + (bottom - top) * 72 // 100
    return middle - side // 2, low - side // 2, middle + side // 2, low + side // 2


def contact_sheet(
    photo: Path, rows: Sequence[tuple[str, Path]], *, face: Box, numbers: Sequence[int], out: Path
) -> None:
    """Write a sheet: the photo, then for each video the chosen frames, as faces and as mouths, with their times."""
    columns = len(numbers) + 1
    height = (TILE + CAPTION + GAP) * 2 * len(rows) + GAP
    sheet = Image.new("RGB", ((TILE + GAP) * columns + GAP, height), PAPER)
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(size=15)

    def place(picture: Image.Image, column: int, line: int, caption: str) -> None:
        x, y = GAP + column * (TILE + GAP), GAP + line * (TILE + CAPTION + GAP)
        picture.thumbnail((TILE, TILE))
        sheet.paste(picture, (x + (TILE - picture.width) // 2, y + (TILE - picture.height) // 2))
        draw.text((x, y + TILE + 2), caption, fill=INK, font=font)

    for row, (title, video) in enumerate(rows):
        pictures = read_frames(video, numbers)
        place(Image.open(photo).convert("RGB"), 0, 2 * row, "photo" if row == 0 else f"photo; {title}")
        first = pictures[numbers[0]].resize((TILE, TILE * pictures[numbers[0]].height // pictures[numbers[0]].width))
        place(first, 0, 2 * row + 1, f"{title}, whole frame")
        for column, number in enumerate(numbers, start=1):
            crop = pictures[number].crop(face).resize((TILE, TILE))
            place(crop, column, 2 * row, f"{title} {number / 25:.2f} s")
            mouth = pictures[number].crop(mouth_box(face)).resize((TILE, TILE), Image.Resampling.BICUBIC)
            place(mouth, column, 2 * row + 1, "mouth")
    sheet.save(out)

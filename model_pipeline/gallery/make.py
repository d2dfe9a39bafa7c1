"""Renders the planned videos through the engine, as a frame does; what cannot be rendered becomes a sentence."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from device_agent.engine.loaded import Engine
from device_agent.engine.photo.prepare import read_portrait
from device_agent.engine.render import Options, render
from device_agent.errors import AgentError, InputError
from model_pipeline.errors import ToolFailed
from model_pipeline.fix.media import TRACKED_HEIGHT, read_frames
from model_pipeline.gallery.mouth import Moments, moments, mouth_square
from model_pipeline.gallery.plan import Item
from model_pipeline.gallery.sheet import mouth_sheet, stack
from model_pipeline.gallery.voices import sound_of

OVERVIEW = "contact-sheet.png"
VOICES = "voices"
"""Folder of the synthetic voices."""


@dataclass(frozen=True)
class Made:
    """Files, named below the gallery's folder, and figures of one video."""

    video: str
    sheet: str
    frames: int
    fps: float
    """Frames rendered a second."""
    yaw_degrees: float
    warnings: tuple[str, ...]
    moments: Moments


@dataclass(frozen=True)
class Entry:
    """A planned video and what came of it."""

    item: Item
    made: Made | None
    error: str = ""
    """Why there is no video."""


def make_all(
    engine: Engine, items: Sequence[Item], out: Path, options: Options, *, done: Callable[[], None]
) -> list[Entry]:
    """Render every item into ``out``, and all contact sheets into one; ``done`` is called after each.

    Raises DataMissing or ToolFailed when a voice cannot be had or a video cannot be written.
    """
    (out / VOICES).mkdir(parents=True, exist_ok=True)
    entries = []
    for item in items:
        entries.append(_entry(engine, item, out, options))
        done()
    sheets = [out / entry.made.sheet for entry in entries if entry.made]
    if sheets:
        stack(sheets, out / OVERVIEW)
    return entries


def _entry(engine: Engine, item: Item, out: Path, options: Options) -> Entry:
    sound = sound_of(item.voice, out / VOICES)
    try:
        return Entry(item, _made(engine, item, sound, out, options))
    except InputError as error:
        return Entry(item, None, str(error))
    except AgentError as error:
        raise ToolFailed(f"{item.name} cannot be rendered: {error}") from error


def _made(engine: Engine, item: Item, sound: Path, out: Path, options: Options) -> Made:
    video, sheet = f"{item.name}.mp4", f"{item.name}.png"
    rendered = render(engine, item.photo, sound, out / video, options=options)
    found = moments(rendered.trace.opening_mm, rendered.trace.gate)
    _sheet(engine, item, out / video, found, options).save(out / sheet)
    return Made(
        video, sheet, rendered.event.frames, rendered.event.fps, rendered.yaw_degrees, rendered.warnings, found
    )


def _sheet(engine: Engine, item: Item, video: Path, found: Moments, options: Options) -> Image.Image:
    width, height = _seen_size(options)
    portrait = read_portrait(engine.reader, item.photo, width, height, options.treatment)
    square = mouth_square(portrait.lips.centre, portrait.px_per_mm, width, height)
    title = f"{item.number}. {item.photo.name}  |  {item.voice.name}, {item.voice.language.english}"
    return mouth_sheet(title, portrait.canvas.pixels, _pictures(video, found.frames), found, square)


def _seen_size(options: Options) -> tuple[int, int]:
    """Return width and height of the frames as they are read back."""
    scale = min(1.0, TRACKED_HEIGHT / options.height)
    return round(options.width * scale / 2) * 2, round(options.height * scale / 2) * 2


def _pictures(video: Path, numbers: Sequence[int]) -> list[np.ndarray]:
    last = max(numbers)
    found: dict[int, np.ndarray] = {}
    for number, picture in enumerate(read_frames(video)):
        if number in numbers:
            found[number] = picture
        if number == last:
            break
    return [found[number] for number in numbers]

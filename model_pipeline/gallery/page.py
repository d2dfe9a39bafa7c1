"""The page that shows the gallery, and its figures as JSON."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from device_agent.engine.render import Options
from model_pipeline.gallery.make import OVERVIEW, Entry

PAGE = "index.html"
TEMPLATE = "page.html"


def write_page(entries: Sequence[Entry], out: Path, *, model_id: str, options: Options) -> Path:
    """Write the page into ``out`` and return where it lies; it refers to nothing outside ``out``."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    text = environment.get_template(TEMPLATE).render(
        entries=entries,
        model_id=model_id,
        options=options,
        overview=OVERVIEW if any(entry.made for entry in entries) else "",
    )
    page = out / PAGE
    page.write_text(text, encoding="utf-8")
    return page


def figures(entries: Sequence[Entry], *, model_id: str, options: Options) -> dict[str, Any]:
    """Return what ``--json`` writes; its keys are in the command's help."""
    return {
        "v": 1,
        "model_id": model_id,
        "size": f"{options.width}x{options.height}",
        "seconds": options.seconds,
        "videos": [_figures(entry) for entry in entries],
    }


def _figures(entry: Entry) -> dict[str, Any]:
    item, made = entry.item, entry.made
    named = {"photo": item.photo.name, "voice": item.voice.name, "language": item.voice.language.code}
    if made is None:
        return {**named, "error": entry.error}
    return {
        **named,
        "video": made.video,
        "sheet": made.sheet,
        "frames": made.frames,
        "fps": made.fps,
        "yaw_degrees": round(made.yaw_degrees, 1),
        "warnings": list(made.warnings),
        "moments": dict(zip(("closed", "half", "widest"), made.moments.frames, strict=True)),
        "opening_mm": [round(mm, 2) for mm in made.moments.opening_mm],
    }

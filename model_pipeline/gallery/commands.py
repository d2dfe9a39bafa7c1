"""Commands of gallery: ``gallery``."""

import argparse
import json
import sys
import tempfile
from pathlib import Path

from device_agent.engine.commands import video_seconds, video_size
from model_pipeline.recipes.commands import DEFAULT_DATA

DEFAULT_PHOTOS = DEFAULT_DATA / "photos"
SECONDS, SIZE = "6", "1280x720"
HELP = """keys of the JSON:
  v, model_id, size, seconds
  videos                 in order: photo, voice, language; then either error, a sentence, or
    video, sheet         files in OUT
    frames, fps          frames of the video; frames rendered a second
    yaw_degrees          how far the head is turned
    warnings             what the engine says about photo and voice
    moments, opening_mm  frame numbers and lip openings within speech: closed, half, widest

example: model-pipeline gallery --out gallery-out
"""


def add_commands(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this feature's commands to the parser."""
    parser = subparsers.add_parser(
        "gallery",
        help="render a fixed set of photos, voices and languages to a page with contact sheets",
        description="Every photo with one voice, and the first photo with every voice and language, as videos, "
        "contact sheets of the mouth and a page: OUT/index.html. A photo without a face is named on the page.",
        epilog=HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for page, videos and sheets")
    parser.add_argument(
        "--photos", type=Path, nargs="+", metavar="DIR",
        help=f"folders of photos, shown after the sample portrait (default: {DEFAULT_PHOTOS}, where it exists)",
    )  # fmt: skip
    parser.add_argument(
        "--heads", action=argparse.BooleanOptionalAction, default=True,
        help="photograph rendered heads too, into OUT/photos (default: yes)",
    )  # fmt: skip
    parser.add_argument("--weights", type=Path, help="folder of weights.safetensors (default: the ones that ship)")
    parser.add_argument("--only", type=_count, metavar="N", help="make the first N videos of the list (default: all)")
    parser.add_argument(
        "--seconds", type=video_seconds, default=SECONDS, help="seconds of each video (default: %(default)s)"
    )
    parser.add_argument(
        "--size", type=video_size, default=SIZE, help="WIDTHxHEIGHT, even numbers (default: %(default)s)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures")
    parser.set_defaults(run=_gallery)


def _count(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of videos from 1")
    return int(text)


def _gallery(arguments: argparse.Namespace) -> int:
    from device_agent.engine.render import Options
    from model_pipeline.evaluate.progress import pieces
    from model_pipeline.export.engine import packed_engine
    from model_pipeline.gallery.make import make_all
    from model_pipeline.gallery.page import figures, write_page
    from model_pipeline.gallery.photos import find_photos, render_heads
    from model_pipeline.gallery.plan import planned
    from model_pipeline.gallery.voices import VOICES

    usual = [DEFAULT_PHOTOS] if DEFAULT_PHOTOS.is_dir() else []
    portrait, *pictures = find_photos(arguments.photos or usual)
    heads = render_heads(arguments.out / "photos") if arguments.heads else []
    items = planned([portrait, *heads, *pictures], VOICES)[: arguments.only]
    options = Options(width=arguments.size[0], height=arguments.size[1], seconds=arguments.seconds)
    with tempfile.TemporaryDirectory(prefix="liveframe-gallery-") as folder:
        engine = packed_engine(arguments.weights, Path(folder))
        with pieces("gallery", len(items)) as advance:
            entries = make_all(engine, items, arguments.out, options, done=advance)
    model_id = engine.manifest.model_id
    page = write_page(entries, arguments.out, model_id=model_id, options=options)
    if arguments.json:
        report = figures(entries, model_id=model_id, options=options)
        arguments.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    failed = sum(entry.made is None for entry in entries)
    sys.stdout.write(f"{len(entries) - failed} videos, {failed} without one; open {page}\n")
    return 0

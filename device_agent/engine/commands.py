"""Commands of the engine: ``device-agent render``."""

import argparse
import json
import os
import sys
from pathlib import Path

from device_agent.engine.video.presets import DEFAULT_PRESET, PRESETS

SIZE_EXAMPLE = "1920x1080"
MIN_SIZE, MAX_SIZE = 240, 3840

EPILOG = """examples:
  device-agent render --photo grandma.jpg --voice hello.wav --out talking.mp4
  device-agent render --photo grandma.jpg --voice hello.m4a --out tall.mp4 --size 1080x1920 --fill repeat --json
"""


def add_commands(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this feature's commands to the parser."""
    parser = subparsers.add_parser(
        "render", help="make a talking video of a photo and a voice recording", epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument(
        "--photo",
        type=Path,
        required=True,
        help="a picture with a face: JPEG, PNG, WebP, AVIF, TIFF; HEIC where installed",
    )
    parser.add_argument("--voice", type=Path, required=True, help="a recording: WAV, MP3, M4A, OGG, FLAC ...")
    parser.add_argument("--out", type=Path, required=True, help="the MP4 file to write")
    parser.add_argument(
        "--duration", type=video_seconds, help="seconds of video (default: 15, or the voice if it is longer)"
    )
    parser.add_argument(
        "--size", type=video_size, default=SIZE_EXAMPLE, help=f"WIDTHxHEIGHT, even numbers ({SIZE_EXAMPLE})"
    )
    parser.add_argument(
        "--fill", choices=("idle", "repeat"), default="idle", help="after the voice: rest, or say it again"
    )
    parser.add_argument(
        "--model", type=Path, help="directory of a model package (default: the active one of this frame)"
    )
    parser.add_argument(
        "--preset", choices=PRESETS, default=DEFAULT_PRESET, help=f"speed of the H.264 encoder ({DEFAULT_PRESET})"
    )
    parser.add_argument(
        "--temperature",
        type=_temperature,
        help="draw the motion by chance; 0: always the likeliest (default: the model's own way, its mean motion)",
    )
    parser.add_argument("--seed", type=int, help="another number, another performance (default: the model's own)")
    parser.add_argument(
        "--liveliness",
        type=_liveliness,
        default=0.5,
        help="blinks, sway and nods: 0 (nothing but the mouth moves) to 1 (a lively speaker); 0.5",
    )
    parser.add_argument(
        "--face", type=int, metavar="N", help="which face speaks, counted from the left (default: the largest)"
    )
    parser.add_argument(
        "--crop",
        choices=("auto", "none"),
        default="auto",
        help="auto: cut out a photographed print, and paper around a scan, where edges are certain; none: keep all",
    )
    parser.add_argument("--restore", action="store_true", help="take the yellow cast and the dust off an old print")
    parser.add_argument(
        "--mark",
        action="store_true",
        help='show a small "AI" in the lower right corner (the metadata always says so)',
    )
    parser.add_argument("--motion-json", type=Path, help="write the lip opening and the tokens of each frame here")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.set_defaults(run=run_render)


def video_size(text: str) -> tuple[int, int]:
    """Return width and height of an argument such as 1920x1080."""
    width, _, height = text.lower().partition("x")
    if not (width.isdigit() and height.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is not WIDTHxHEIGHT, such as {SIZE_EXAMPLE}")
    size = (int(width), int(height))
    if any(side % 2 or not MIN_SIZE <= side <= MAX_SIZE for side in size):
        raise argparse.ArgumentTypeError(f"{text!r}: both sides must be even, from {MIN_SIZE} to {MAX_SIZE}")
    return size


def video_seconds(text: str) -> float:
    """Return an argument's seconds of video."""
    longest = 120.0
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds") from None
    if not 0.2 <= value <= longest:
        raise argparse.ArgumentTypeError(f"{text!r}: 0.2 to {longest:.0f} seconds are possible")
    return value


def _temperature(text: str) -> float:
    hottest = 2.0
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None
    if not 0 <= value <= hottest:
        raise argparse.ArgumentTypeError(f"{text!r}: 0 to {hottest} is possible")
    return value


def _liveliness(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r}: 0 to 1 is possible")
    return value


def active_model() -> Path:
    """Return where the frame's active model lies: the link that updates switch between slots."""
    from device_agent.system.home import Home

    return Home.from_environment().models / "active"


def run_render(arguments: argparse.Namespace) -> int:
    """Render one video and print its figures."""
    from device_agent import reporting
    from device_agent.engine import package
    from device_agent.engine.loaded import Engine
    from device_agent.engine.photo.prepare import Treatment
    from device_agent.engine.render import Options, render
    from frame_protocol.telemetry import Fill

    options = Options(
        width=arguments.size[0], height=arguments.size[1], seconds=arguments.duration, fill=Fill(arguments.fill),
        preset=arguments.preset, seed=arguments.seed, temperature=arguments.temperature,
        liveliness=arguments.liveliness, mark=arguments.mark,
        treatment=Treatment(crop=arguments.crop == "auto", restore=arguments.restore, face=arguments.face),
    )  # fmt: skip
    engine = Engine(package.load(arguments.model or active_model()))
    progress = _progress if sys.stderr.isatty() else None
    rendered = render(engine, arguments.photo, arguments.voice, arguments.out, options=options, progress=progress)
    event = rendered.event
    reporting.of(arguments).report(event)
    if arguments.motion_json:
        arguments.motion_json.write_text(json.dumps({"fps": 25, "model_id": event.model_id, **vars(rendered.trace)}))
    figures = {
        **{name: getattr(event, name) for name in event.__struct_fields__},
        "stage_seconds": {name: round(seconds, 3) for name, seconds in rendered.stages.items()},
        "faces": rendered.faces,
        "face_boxes": rendered.face_boxes,
        "yaw_degrees": round(rendered.yaw_degrees, 1),
        "face_box": rendered.face_box,
        "warnings": list(rendered.warnings),
        "out": os.fspath(arguments.out),
    }
    sys.stdout.write(json.dumps(figures, indent=2) + "\n" if arguments.json else _sentence(figures))
    return 0


def _progress(done: int, total: int) -> None:
    end = "\n" if done == total else ""
    sys.stderr.write(f"\r{done} of {total} frames ({100 * done // total} %){end}")
    sys.stderr.flush()


def _sentence(figures: dict[str, object]) -> str:
    warnings = "".join(f"note: {text}\n" for text in _texts(figures["warnings"]))
    return (
        f"{figures['out']}: {figures['frames']} frames, {figures['video_seconds']} s, model {figures['model_id']}; "
        f"first frame after {figures['first_frame_ms']} ms, {figures['fps']} frames/s, "
        f"{figures['peak_memory_mb']} MB at most\n{warnings}"
    )


def _texts(value: object) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else []

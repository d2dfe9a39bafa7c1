"""``python -m demo``: play the whole story on this machine."""

import argparse
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path

from demo.display import Display
from demo.errors import StepFailed
from demo.programs import Programs
from demo.story import FIRST, SECOND, STEPS
from demo.table import rows
from demo.world import TRANSCRIPT, VOICE, World, default_photo

DESCRIPTION = "Play the whole story on this machine: server, broker, frame, laboratory. Everything stops at the end."
EPILOG = """example:
  python -m demo --out demo-out

leaves talking.mp4, talking-after-update.mp4, contact-sheet.png, report.json (keys: docs/demo-report.md) and demo.log
"""


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m demo", description=DESCRIPTION, epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--out", type=Path, default=Path("demo-out"), help="where the results go (demo-out)")
    parser.add_argument("--photo", type=Path, help="another photo (default: Grace Hopper, from matplotlib)")
    parser.add_argument("--voice", type=Path, default=VOICE, help="another recording (default: a LibriVox excerpt)")
    parser.add_argument(
        "--transcript", default="", help="the English words of --voice (default: sounds are recognised)"
    )
    parser.add_argument("--keep", action="store_true", help="keep the working folder: databases, keys, packages")
    return parser.parse_args(argv)


def play_story(world: World, display: Display) -> None:
    """Play all steps; raise StepFailed at the first that fails."""
    with display.running():
        for number, step in enumerate(STEPS, start=1):
            with display.step(number, step.title):
                line = step.act(world)
            display.note(line)


def main(argv: list[str] | None = None) -> int:
    """Run the demo; 0 when the story was played to its end."""
    arguments = _arguments(argv)
    started = time.monotonic()
    shutil.rmtree(arguments.out, ignore_errors=True)
    arguments.out.mkdir(parents=True)
    work = Path(tempfile.mkdtemp(prefix="liveframe-demo-"))
    photo = arguments.photo or default_photo()
    programs = Programs(arguments.out / "demo.log")
    words = arguments.transcript or (TRANSCRIPT if arguments.voice == VOICE else "")
    world = World(work, arguments.out.resolve(), programs, photo, arguments.voice, words)
    display = Display(len(STEPS))
    keep = arguments.keep
    try:
        play_story(world, display)
    except StepFailed as error:
        keep = True
        display.console.print(f"[red]failed:[/red] {error}", highlight=False)
        display.console.print(f"what to do: {error.advice}\nwhat was there: {work}", highlight=False)
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        programs.stop_all()
        if not keep:
            shutil.rmtree(work, ignore_errors=True)
    world.report["seconds"] = round(time.monotonic() - started, 1)
    (arguments.out / "report.json").write_text(json.dumps({"v": 1, **world.report}, indent=1) + "\n")
    display.table("Before and after the fix, measured on this CPU", rows(world.report[FIRST], world.report[SECOND]))
    display.console.print(
        f"done in {world.report['seconds']:.0f} s; results are in {arguments.out}/", highlight=False
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())

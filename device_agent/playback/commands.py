"""Commands of playback: ``device-agent play``."""

import argparse
import json
import sys
from pathlib import Path

EPILOG = """examples:
  device-agent play talking.mp4
  device-agent play talking.mp4 --speed 0 --json      as fast as it can be decoded

Only frames that reached the sink count as shown; after Ctrl-C or SIGTERM the part that was seen is reported.
"""


def add_commands(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this feature's commands to the parser."""
    parser = subparsers.add_parser(
        "play", help="play a video and report how much of it was shown", epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("video", type=Path, help="the file to play")
    parser.add_argument(
        "--sink", choices=("null",), default="null", help="where pictures go; null counts them (null)"
    )
    parser.add_argument("--speed", type=_speed, default=1.0, help="1 is real time, 0 as fast as possible (1)")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.set_defaults(run=run_play)


def _speed(text: str) -> float:
    fastest = 100.0
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None
    if not 0 <= value <= fastest:
        raise argparse.ArgumentTypeError(f"{text!r}: 0 to {fastest:.0f} is possible")
    return value


def run_play(arguments: argparse.Namespace) -> int:
    """Play one video, report it, and print its figures."""
    import signal
    import threading

    from device_agent import reporting
    from device_agent.playback.play import play
    from device_agent.playback.sink import NullSink
    from device_agent.system.home import Home
    from device_agent.system.lock import playing

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with playing(Home.from_environment()):
        event = play(arguments.video, NullSink(), speed=arguments.speed, stop=stop)
    reporting.of(arguments).report(event)
    figures = {name: getattr(event, name) for name in event.__struct_fields__}
    if arguments.json:
        sys.stdout.write(json.dumps(figures, indent=2) + "\n")
    else:
        how = "completed" if event.completed else "not completed"
        sys.stdout.write(
            f"{arguments.video}: {event.shown} of {event.frames} frames shown, {event.dropped} dropped, "
            f"{event.seconds_watched} s watched at {event.fps} frames/s; {how}\n"
        )
    return 0

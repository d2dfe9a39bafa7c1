"""``python -m demo.serve``: keep server, broker and one frame running for a look around."""

import argparse
import json
import signal
import sys
import threading
from pathlib import Path

from rich.console import Console

from demo import fleet, frame
from demo.errors import StepFailed
from demo.programs import Programs
from demo.story import first_video, pull_model
from demo.world import VOICE, World, default_photo

STATE = "look-around.json"
"""What a later start needs to know of the first; readable for its owner only, for it holds the first password."""

DESCRIPTION = "Keep server, broker and one frame running until Ctrl-C. The data directory is kept for the next time."


def main(argv: list[str] | None = None) -> int:
    """Start everything, print where it is, and wait."""
    parser = argparse.ArgumentParser(
        prog="python -m demo.serve", description=DESCRIPTION, epilog="example: python -m demo.serve --data serve-data"
    )
    parser.add_argument("--data", type=Path, default=Path("serve-data"), help="data directory (serve-data)")
    data = parser.parse_args(argv).data.resolve()
    data.mkdir(parents=True, exist_ok=True)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    console = Console()
    programs = Programs(data / "serve.log")
    world = World(work=data, out=data, programs=programs, photo=default_photo(), voice=VOICE)
    try:
        _begin(world, console)
        _look_around(world, console)
        stop.wait()
    except StepFailed as error:
        console.print(f"[red]failed:[/red] {error}\nwhat to do: {error.advice}", highlight=False)
        return 1
    finally:
        console.print("stopping")
        programs.stop_all()
    return 0


def _begin(world: World, console: Console) -> None:
    """Play the beginning of the story the first time; afterwards only start what there is."""
    state = world.work / STATE
    if state.is_file():
        known = json.loads(state.read_text())
        world.password, world.token, world.frame_id = known["password"], known["token"], known["frame_id"]
        world.ports = tuple(known["ports"])
        fleet.run_server(world)
        frame.run_agent(world)
        return
    if world.server_data.exists():
        raise StepFailed(f"an earlier first start in {world.work} did not come to its end", "remove that folder")
    console.print("first start: server, frame, model and a first video; about a minute")
    for act in (fleet.start_server, frame.enrol, pull_model, first_video):
        console.print(f"  {act(world)}", highlight=False)
    state.touch(mode=0o600)
    known = {name: getattr(world, name) for name in ("password", "token", "frame_id", "ports")}
    state.write_text(json.dumps(known))


def _look_around(world: World, console: Console) -> None:
    console.print(
        f"\npages      {world.url}\nuser       admin\npassword   {world.password}\n"
        f"frames     {world.device_url}\nframe      {world.frame_id}, its home is {world.home}\n"
        f"log        {world.work / 'serve.log'}\n\nCtrl-C stops everything; the data stays in {world.work}",
        highlight=False,
    )


if __name__ == "__main__":
    sys.exit(main())

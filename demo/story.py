"""The story, step by step. Each step is what a person does with the programs; it returns a line to show."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from demo import fleet, frame, laboratory
from demo.contact_sheet import contact_sheet, moments
from demo.table import video_figures
from demo.world import World

FIRST, SECOND = "talking", "talking-after-update"
SHEET_FRAMES = 8


@dataclass(frozen=True)
class Step:
    """A title and what to do."""

    title: str
    act: Callable[[World], str]


def pull_model(world: World) -> str:
    """The frame finds the first model by itself, downloads, checks, installs, tries and keeps it."""
    kept = fleet.wait_until_kept(world, laboratory.publish_base(world))
    return f"{kept['release']} is kept; model {frame.status(world)['model']['model_id']}"


def make_and_play(world: World, name: str) -> str:
    """Render and play one video."""
    rendered = frame.render(world, name)
    played = frame.play(world, name)
    world.report[name] = {"render": rendered, "playback": played}
    return (
        f"{rendered['frames']} frames at {rendered['fps']:.0f} frames/s; "
        f"{played['shown']} shown, {played['dropped']} dropped"
    )


def first_video(world: World) -> str:
    """Grace Hopper's portrait speaks."""
    return make_and_play(world, FIRST)


def telemetry(world: World) -> str:
    """What the frame reported is in the database, and out of the outbox."""
    rate = frame.completion(world, playbacks=1)
    frame.outbox_is_empty(world)
    world.report["completion"] = rate
    return f"completion {rate['completed']} of {rate['playbacks']} playbacks, outbox empty; page {world.url}"


def complain(world: World) -> str:
    """The owner complains; support confirms."""
    filed = frame.complain(world, FIRST)
    return f"{filed}; {fleet.confirm(world)}"


def train_fix(world: World) -> str:
    """The laboratory looks at the clip and trains."""
    world.report["fix"] = laboratory.make_delta(world)
    return f"outcome: {world.report['fix']['outcome']}"


def deliver_fix(world: World) -> str:
    """The delta is signed, offered, merged on the frame, tried and kept; without a delta there is nothing to do."""
    fix: dict[str, Any] = world.report["fix"]
    if not fix.get("delta"):
        return "nothing to deliver: no delta was better than the base, and a worse one is never sent"
    kept = fleet.wait_until_kept(world, laboratory.publish_delta(world, fix))
    state = world.api("GET", f"/api/v1/complaints/{world.complaint_id}")["state"]
    return f"{kept['release']} is kept; the complaint is {state}"


def second_video(world: World) -> str:
    """The same photo and voice once more."""
    line = make_and_play(world, SECOND)
    frame.completion(world, playbacks=2)
    frame.outbox_is_empty(world)
    return line


def measure(world: World) -> str:
    """Both videos are measured in their pixels; figures and pictures are written."""
    spoken_seconds = world.report[FIRST]["render"]["voice_seconds"]
    for name in (FIRST, SECOND):
        found = world.report.pop(name)
        world.report[name] = video_figures(found["render"], found["playback"], laboratory.analyse(world, name))
        world.report[name]["face_box"] = found["render"]["face_box"]
    world.report["completion"] = world.api("GET", "/api/v1/completion")
    motion = json.loads((world.work / f"{FIRST}.motion.json").read_text())
    contact_sheet(
        world.photo,
        [("before", world.out / f"{FIRST}.mp4"), ("after", world.out / f"{SECOND}.mp4")],
        face=tuple(world.report[FIRST]["face_box"]),
        numbers=moments(motion["opening_mm"], SHEET_FRAMES, spoken_seconds=spoken_seconds),
        out=world.out / "contact-sheet.png",
    )
    return "contact-sheet.png and report.json written"


STEPS = (
    Step("keys are made, the server and its broker start", fleet.start_server),
    Step("a frame enrols", frame.enrol),
    Step("it pulls the signed model, tests it and keeps it", pull_model),
    Step("it makes the portrait talk and plays the video", first_video),
    Step("its telemetry arrives, once", telemetry),
    Step("the owner complains, support confirms", complain),
    Step("the laboratory turns the complaint into a delta", train_fix),
    Step("the frame merges the delta, tests it and keeps it", deliver_fix),
    Step("the same photo and voice again", second_video),
    Step("both videos are measured", measure),
)

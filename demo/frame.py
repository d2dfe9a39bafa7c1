"""Steps of the frame and of the person who owns it."""

from typing import Any

from demo.programs import wait_for
from demo.world import VIDEO_SECONDS, World

POLL_SECONDS = 2
HEALTH_SECONDS = 20
ENROL_ADVICE = "read demo.log: does the server still run?"


def enrol(world: World) -> str:
    """Claim code and certificate request become an identity; then the agent runs by itself."""
    code = world.programs.run(
        "fleet-server", "claim", "create", "--data", world.server_data, advice="read demo.log"
    ).split()[-1]
    home = world.agent_environment()
    identity = world.programs.json(
        "device-agent", "enrol", "--server", world.device_url, "--claim-code", code, "--ca", world.ca,
        "--trust-root", world.ceremony / "frames" / "root.json", "--serial", "DEMO-0001", "--json",
        advice=ENROL_ADVICE, env=home,
    )  # fmt: skip
    world.frame_id = identity["frame_id"]
    run_agent(world)
    return f"{world.frame_id} is online"


def run_agent(world: World) -> None:
    """Start the agent and wait until the server sees it."""
    child = world.programs.start(
        "device-agent", "run", "--poll-every", POLL_SECONDS, "--health-every", HEALTH_SECONDS,
        "--complaints-every", POLL_SECONDS, env=world.agent_environment(),
    )  # fmt: skip
    wait_for("the frame to be online", lambda: _online(world), timeout=60, advice="read demo.log", child=child)


def _online(world: World) -> bool | None:
    frames = world.api("GET", "/api/v1/frames")["frames"]
    return next(
        (True for frame in frames if frame["frame_id"] == world.frame_id and frame["state"] == "online"), None
    )


def render(world: World, name: str) -> dict[str, Any]:
    """Render the talking video with the frame's active model; return the figures."""
    video, motion = world.out / f"{name}.mp4", world.work / f"{name}.motion.json"
    return world.programs.json(
        "device-agent", "render", "--photo", world.photo, "--voice", world.voice, "--out", video,
        "--duration", VIDEO_SECONDS, "--size", "1920x1080", "--motion-json", motion, "--json",
        advice="read demo.log; `device-agent --help` explains the exit codes", env=world.agent_environment(),
    )  # fmt: skip


def play(world: World, name: str) -> dict[str, Any]:
    """Play a video in real time to the null sink, which counts the frames shown."""
    return world.programs.json(
        "device-agent", "play", world.out / f"{name}.mp4", "--sink", "null", "--json",
        advice="read demo.log", env=world.agent_environment(),
    )  # fmt: skip


def completion(world: World, playbacks: int) -> dict[str, Any]:
    """Wait until every playback is in the database; return the completion rate as the API has it."""

    def arrived() -> dict[str, Any] | None:
        found: dict[str, Any] = world.api("GET", "/api/v1/completion")
        return found if found["playbacks"] >= playbacks else None

    return wait_for("the playback in the database", arrived, timeout=60, advice="read demo.log: MQTT or ingest?")


def outbox_is_empty(world: World) -> int:
    """Wait until the server has acknowledged everything the frame reported; return how many rows wait (none)."""

    def drained() -> int | None:
        waiting: int = status(world)["outbox"]["waiting"]
        return waiting if waiting == 0 else None

    return wait_for("the outbox to be empty", drained, timeout=60, advice="read demo.log: MQTT or ingest?")


def status(world: World) -> dict[str, Any]:
    """Return what ``device-agent status --json`` prints."""
    return world.programs.json(
        "device-agent", "status", "--json", advice="read demo.log", env=world.agent_environment()
    )


def complain(world: World, name: str) -> str:
    """File a complaint about a video, with consent; the agent sends it."""
    filed = world.programs.json(
        "device-agent", "complain", "--video", world.out / f"{name}.mp4", "--voice", world.voice,
        "--kind", "lips-do-not-match", "--text", "The lips stay open when they should close.", "--consent", "--json",
        advice="read demo.log", env=world.agent_environment(),
    )  # fmt: skip
    world.complaint_id = filed["complaint_id"]
    return f"complaint {world.complaint_id[:8]} filed with clip and voice"

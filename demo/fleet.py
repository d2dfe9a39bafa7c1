"""Steps of the people at the server: ceremony, start, releases, rollouts, support."""

import json
import secrets
from typing import Any

from demo.errors import StepFailed
from demo.programs import wait_for
from demo.world import World

PEOPLE = 3
SIGNERS = (1, 3)
"""Two of three sign each release; person 2 is on holiday."""
START_SECONDS = 60
UPDATE_SECONDS = 180
SERVER_ADVICE = "read demo.log; is mosquitto installed (apt-get install mosquitto)?"


def start_server(world: World) -> str:
    """Keys are made outside the server; the server gets the online ones, starts, and says where it is."""
    world.passwords.write_text("".join(secrets.token_urlsafe(12) + "\n" for _ in range(PEOPLE)))
    world.passwords.chmod(0o600)
    run = world.programs.run
    made = world.programs.json(
        "fleet-server", "init", "--data", world.server_data, "--json", advice="is the disk full?", secret=True
    )
    world.password = made["password"]
    run(
        "fleet-server", "keys", "ceremony", "--out", world.ceremony, "--people", PEOPLE, "--threshold", len(SIGNERS),
        "--password-file", world.passwords, advice="read demo.log",
    )  # fmt: skip
    run(
        "fleet-server",
        "keys",
        "install",
        "--data",
        world.server_data,
        "--from",
        world.ceremony,
        advice="read demo.log",
    )
    line = run_server(world)
    world.token = run(
        "fleet-server", "token", "create", "--data", world.server_data, "--name", "demo", "--role", "administrator",
        advice="read demo.log", secret=True,
    ).strip()  # fmt: skip
    world.token_file.touch(mode=0o600)
    world.token_file.write_text(world.token)
    return line


def run_server(world: World) -> str:
    """Start the server on the world's ports (at first 0: free ones) and wait until it is ready."""
    people, devices, broker = world.ports
    child = world.programs.start(
        "fleet-server", "serve", "--data", world.server_data,
        "--port", people, "--device-port", devices, "--broker-port", broker,
    )  # fmt: skip
    running = wait_for(
        "the server", lambda: _run_file(world), timeout=START_SECONDS, advice=SERVER_ADVICE, child=child
    )
    world.url, world.device_url = running["people_url"], running["device_url"]
    ports = running["ports"]
    world.ports = (ports["people_port"], ports["device_port"], ports["broker_port"])
    return f"people {world.url}  frames {world.device_url}  MQTT port {running['mqtt_port']}"


def _run_file(world: World) -> dict[str, Any] | None:
    path = world.server_data / "run.json"
    try:
        found: dict[str, Any] = json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return None
    return found


def release(world: World, name: str, counter: int, artefact: str, *options: object, title: str) -> None:
    """Build a release, have two of three people sign it, publish it."""
    run, bundle = world.programs.run, world.work / f"{name}.bundle"
    server = ("--server", world.url, "--token-file", world.token_file)
    run(
        "fleet-server", "release", "build", *server, "--root", world.ceremony / "frames" / "root.json",
        "--line", "models", "--name", name, "--counter", counter, "--title", title,
        "--artefact", artefact, *options, "--out", bundle, advice="read demo.log",
    )  # fmt: skip
    for person in SIGNERS:
        run(
            "fleet-server", "release", "sign", "--keys", world.ceremony, "--person", person,
            "--password-file", world.passwords, bundle, advice="read demo.log",
        )  # fmt: skip
    run("fleet-server", "release", "publish", *server, bundle, advice="read demo.log")


def roll_out(world: World, name: str) -> int:
    """Offer a release to the frame: a rollout with one stage. Return its number."""
    made = world.api("POST", "/api/v1/rollouts", {"release": name, "frames": [world.frame_id]})
    return int(made["id"])


def wait_until_kept(world: World, rollout: int) -> dict[str, Any]:
    """Wait until the server has the frame's own word that it keeps the release."""

    def settled() -> dict[str, Any] | None:
        found: dict[str, Any] = world.api("GET", f"/api/v1/rollouts/{rollout}")
        counts = found["counts"]
        for bad in ("reverted", "refused"):
            if counts.get(bad):
                raise StepFailed(f"the frame {bad} the release", "read demo.log: the agent says why")
        return found if counts.get("kept") else None

    return wait_for("the frame to keep the release", settled, timeout=UPDATE_SECONDS, advice="read demo.log")


def confirm(world: World) -> str:
    """Support watches the clip and confirms the complaint."""

    def arrived() -> dict[str, Any] | None:
        listed = world.api("GET", "/api/v1/complaints?state=filed")["complaints"]
        return next((item for item in listed if item["complaint_id"] == world.complaint_id), None)

    wait_for("the complaint", arrived, timeout=60, advice="read demo.log: does the agent reach the server?")
    path = f"/api/v1/complaints/{world.complaint_id}"
    confirmed = world.api("POST", f"{path}/verdict", {"verdict": "confirm", "reason": "lips miss P, B and M"})
    return f"complaint {world.complaint_id[:8]} is {confirmed['state']}; page {world.url}complaints"

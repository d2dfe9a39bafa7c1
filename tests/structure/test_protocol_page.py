"""docs/protocol.md and frame_protocol say the same."""

import itertools
import re
from pathlib import Path

import msgspec
import pytest

from frame_protocol import complaints, content, enrolment, telemetry, topics, updates
from frame_protocol.codec import MAX_PAYLOAD_BYTES, Versioned
from frame_protocol.updates import TRANSITIONS, UpdateState

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "protocol.md").read_text(encoding="utf-8")
MODULES = (complaints, content, enrolment, telemetry, updates)


def section(title: str) -> str:
    return PAGE.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def rows(text: str, first_header: str) -> list[list[str]]:
    """Return the cells of the table whose first column has this header."""
    table = text.split(f"| {first_header} |", 1)[1].split("\n\n", 1)[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table]


def structs() -> dict[str, type[msgspec.Struct]]:
    return {
        name: value
        for module in MODULES
        for name, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, msgspec.Struct) and value.__module__ == module.__name__
    }


def test_every_topic_is_one_of_the_code_and_the_other_way_round():
    documented = {row[0].strip("`") for row in rows(section("Topics"), "topic")}
    coded = {make("{frame_id}") for make in (topics.telemetry, topics.status, topics.ack, topics.command)}
    assert documented == coded
    assert topics.shared(topics.TELEMETRY) in PAGE


def test_every_payload_of_the_topics_is_a_versioned_type():
    for row in rows(section("Topics"), "topic"):
        assert issubclass(structs()[row[3].strip("`")], Versioned)


def test_the_states_of_an_update_are_those_of_the_code():
    documented = [row[0].strip("`") for row in rows(section("Updates"), "state")]
    assert documented == [state.value for state in UpdateState]
    assert set(TRANSITIONS) == set(UpdateState)


def test_the_arrows_of_the_picture_are_the_transitions_of_the_code():
    picture = section("Updates").split("```")[1]
    line = next(line for line in picture.splitlines() if line.startswith("idle"))
    path = [step.split(" | ") for step in line.split(" -> ")]
    documented = {
        (before.strip(), after.strip())
        for befores, afters in itertools.pairwise(path)
        for before in befores
        for after in afters
    }
    for before, after in re.findall(r"(\w+) -> (\w+)$", picture, re.MULTILINE):
        documented.add((before, after))
    documented |= {(state, "refused") for state in ("offered", "downloading", "verified")}
    coded = {
        (before.value, after.value)
        for before, afters in TRANSITIONS.items()
        for after in afters
        if after is not UpdateState.OFFERED or before is UpdateState.IDLE
    }
    assert documented == coded


def test_the_events_are_those_of_the_code():
    line = next(line for line in PAGE.splitlines() if line.startswith("Events (`event.type`)"))
    documented = set(re.findall(r"`(\w+)`", line.split(":", 1)[1].split(".")[0]))
    coded = {str(kind.__struct_config__.tag) for kind in telemetry.Event.__args__}
    assert documented == coded


@pytest.mark.parametrize("named", sorted(set(re.findall(r"`([A-Z]\w+)\{([^}]*)\}`", PAGE))), ids=lambda n: n[0])
def test_fields_named_on_the_page_exist(named: tuple[str, str]):
    kind, fields = named
    known = structs()[kind].__struct_fields__
    assert {field.strip() for field in fields.split(",")} <= set(known)


def test_the_limits_named_on_the_page_are_those_of_the_code():
    assert f"at most {MAX_PAYLOAD_BYTES // 1024} KiB" in PAGE
    assert f"<= {complaints.MAX_CLIP_BYTES // 2**20} MiB" in PAGE
    assert f"at most {content.MAX_PACK_BYTES // 2**20} MiB" in section("Song pack")
    assert f"<= {complaints.MAX_VOICE_BYTES // 2**20} MiB" in PAGE


def test_the_first_field_of_every_versioned_payload_is_the_version():
    for kind in structs().values():
        if issubclass(kind, Versioned):
            assert kind.__struct_fields__[0] == "v"

"""Every reason for which a release is refused, one at a time."""

import msgspec
import pytest

from device_agent.update.checks import FrameFacts, SignedFile, is_for, why_not
from frame_protocol.updates import Artefact, ArtefactKind, Assignment, Line, Release, Requirements

PATH = "models/one/one.tar"
FACTS = FrameFacts(
    frame_id="frame-ab12",
    hardware="lf-1",
    active_weights_sha256="b" * 64,
    free_storage_mb=100,
    kept_counters={Line.MODELS: 4, Line.FIRMWARE: 90},
    installable=frozenset({ArtefactKind.MODEL, ArtefactKind.MODEL_DELTA}),
)
RELEASE = Release(
    name="one",
    counter=5,
    artefacts=[Artefact(kind=ArtefactKind.MODEL, path=PATH, length=10, sha256="a" * 64)],
)
SIGNED = {PATH: SignedFile(10, "a" * 64)}


def judge(release=RELEASE, name="one", line=Line.MODELS, signed=SIGNED, facts=FACTS):
    return why_not(release, name, line, signed, facts)


def change(value, **changes):
    return msgspec.structs.replace(value, **changes)


def test_a_release_that_is_in_order_is_installed():
    assert judge() is None


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"name": "two"}, "assigned was models/two"),
        ({"line": Line.FIRMWARE}, "assigned was firmware/one"),
        ({"signed": {}}, "not signed"),
        ({"signed": {PATH: None}}, "not signed"),
        ({"signed": {PATH: SignedFile(11, "a" * 64)}}, "differ"),
        ({"signed": {PATH: SignedFile(10, "c" * 64)}}, "differ"),
        ({"release": change(RELEASE, counter=4)}, "not above 4"),
        ({"release": change(RELEASE, counter=3)}, "not above 4"),
        ({"release": change(RELEASE, requires=Requirements(hardware=["lf-2", "lf-3"]))}, "hardware lf-2, lf-3"),
        ({"release": change(RELEASE, requires=Requirements(base_weights_sha256="d" * 64))}, "needs the model"),
        ({"release": change(RELEASE, requires=Requirements(free_storage_mb=101))}, "101 MB"),
        (
            {"release": change(RELEASE, artefacts=[change(RELEASE.artefacts[0], kind=ArtefactKind.FIRMWARE)])},
            "firmware cannot be installed",
        ),
        ({"release": change(RELEASE, artefacts=[RELEASE.artefacts[0]] * 2)}, "more than one"),
    ],
)
def test_a_release_is_refused_with_its_reason(arguments, says):
    assert says in judge(**arguments)


@pytest.mark.parametrize(
    "requires",
    [Requirements(hardware=["lf-1"]), Requirements(base_weights_sha256="b" * 64), Requirements(free_storage_mb=100)],
)
def test_what_is_required_and_there_is_no_reason(requires):
    assert judge(change(RELEASE, requires=requires)) is None


def test_an_assignment_of_another_frame_is_not_for_this_one():
    theirs = Assignment(frame="frame-zz99", order_id="0" * 8 + "-0000-0000-0000-" + "0" * 12, release="one")
    assert not is_for(theirs, "frame-ab12")
    assert is_for(theirs, "frame-zz99")

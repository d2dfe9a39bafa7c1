"""Every reason for which a release is refused, one at a time."""

import msgspec
import pytest

from device_agent.update.checks import Directed, FrameFacts, SignedFile, is_for, why_not
from frame_protocol.updates import Artefact, ArtefactKind, Assignment, Line, Release, Requirements, manifest_path

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
MANIFEST = manifest_path(Line.MODELS, "one")
SIGNED = {PATH: SignedFile(10, "a" * 64), MANIFEST: SignedFile(99, "e" * 64)}
ASSIGNED = Assignment(
    frame="frame-ab12", order_id="0" * 8 + "-0000-0000-0000-" + "0" * 12, release="one", hardware="lf-1", counter=5
)


def judge(release=RELEASE, signed=SIGNED, facts=FACTS, files=SIGNED, **assigned):
    return why_not(release, Directed(change(ASSIGNED, **assigned), files), signed, facts)


def change(value, **changes):
    return msgspec.structs.replace(value, **changes)


def needing(**counters):
    return {"release": change(RELEASE, requires=Requirements(counters={Line(k): v for k, v in counters.items()}))}


def test_a_release_that_is_in_order_is_installed():
    assert judge() is None


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"release": change(RELEASE, name="two")}, "of models/two, assigned was models/one"),
        ({"line": Line.FIRMWARE}, "assigned was firmware/one"),
        ({"signed": {}}, "not signed"),
        ({"signed": {**SIGNED, PATH: None}}, "not signed"),
        ({"signed": {**SIGNED, PATH: SignedFile(11, "a" * 64)}}, "differ"),
        ({"signed": {**SIGNED, PATH: SignedFile(10, "c" * 64)}}, "differ"),
        ({"files": {}}, "name different files"),
        ({"files": {MANIFEST: SIGNED[MANIFEST]}}, f"{PATH}: director and image repository"),
        ({"files": {**SIGNED, PATH: SignedFile(10, "c" * 64)}}, "name different files"),
        ({"files": {**SIGNED, MANIFEST: SignedFile(98, "e" * 64)}}, "name different files"),
        ({"files": {**SIGNED, "models/two/two.tar": SignedFile(1, "c" * 64)}}, "no part of the release"),
        ({"counter": 6}, "says counter 6, the release 5"),
        ({"hardware": "lf-2"}, "takes this for lf-2; it is lf-1"),
        ({"release": change(RELEASE, counter=4), "counter": 4}, "not above 4"),
        ({"release": change(RELEASE, counter=3), "counter": 3}, "not above 4"),
        ({"release": change(RELEASE, requires=Requirements(hardware=["lf-2", "lf-3"]))}, "hardware lf-2, lf-3"),
        ({"release": change(RELEASE, requires=Requirements(base_weights_sha256="d" * 64))}, "needs the model"),
        ({"release": change(RELEASE, requires=Requirements(free_storage_mb=101))}, "101 MB"),
        (needing(firmware=91), "counter 91 of firmware first; this frame has 90"),
        (needing(seasonal=1), "counter 1 of seasonal first; this frame has 0"),
        (needing(firmware=1, models=5), "counter 5 of models first"),
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
    [
        Requirements(hardware=["lf-1"]),
        Requirements(base_weights_sha256="b" * 64),
        Requirements(free_storage_mb=100),
        Requirements(counters={Line.FIRMWARE: 90, Line.MODELS: 4}),
    ],
)
def test_what_is_required_and_there_is_no_reason(requires):
    assert judge(change(RELEASE, requires=requires)) is None


def test_an_assignment_of_another_frame_is_not_for_this_one():
    theirs = Assignment(frame="frame-zz99", order_id="0" * 8 + "-0000-0000-0000-" + "0" * 12, release="one")
    assert not is_for(theirs, "frame-ab12")
    assert is_for(theirs, "frame-zz99")

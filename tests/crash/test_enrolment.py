"""The power is cut at every operation of an enrolment; the next try gives the same frame with the same key."""

import shutil

from device_agent.enrolment.enrol import Wish, enrol
from device_agent.system import identity, keys
from device_agent.system.home import Home
from tests.crash.cuts import Recorded, cuts, found_after
from tests.crash.filesystem import load, store
from tests.crash.operations import Operation
from tests.crash.recorder import recording
from tests.support.server import CODE, FleetServer

LOCK = "enrol.lock"
"""Made past the recorder: nobody reads what is in it, and nobody misses it."""


def test_whenever_the_power_goes_a_second_try_gives_one_frame(authority, tmp_path):
    server = FleetServer(authority)
    wish = Wish(
        server=server.url,
        claim_code=CODE,
        serial="SERIAL-1",
        ca_pem=authority.pem,
        ca_fingerprint=None,
        hardware="dev",
        timezone="UTC",
    )
    asked_at = []
    server.before_answer = lambda path: asked_at.append(len(operations))
    operations: list[Operation] = []
    home = Home(tmp_path / "home")
    store({}, home.root)
    try:
        with recording(home.root, operations):
            first = enrol(home, wish)
        recorded = Recorded("enrolment", {}, tuple(operations), ())
        recorded.check_complete(load(home.root, leave_out=[LOCK]))
        known, seen = dict(server.frames), set()
        for cut, found in found_after(recorded, cuts(recorded, randoms=1), seed=1):
            asked = cut.index >= asked_at[0]
            if (asked, repr(found.tree)) in seen:
                continue
            seen.add((asked, repr(found.tree)))
            server.frames = dict(known) if asked else {}
            store(found.tree, tmp_path / "cut")
            with recording(tmp_path / "cut", []):
                again = enrol(Home(tmp_path / "cut"), wish)
            assert keys.certificate_matches(again.record.certificate_pem, again.key_file.read_bytes(), again.frame_id)
            assert identity.load(Home(tmp_path / "cut")) == again
            assert again.frame_id == first.frame_id
            shutil.rmtree(tmp_path / "cut")
    finally:
        server.close()
    assert len(seen) > 30

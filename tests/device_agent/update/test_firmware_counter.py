"""The counter that a firmware image carries: read, compared before it is installed, and compared on trial."""

import msgspec
import pytest

from device_agent.errors import UpdateFailed
from device_agent.system import firmware as booted
from device_agent.update.firmware import container
from fleet_server.errors import Invalid
from fleet_server.firmware import tree
from fleet_server.firmware.description import Facts
from fleet_server.signing import firmware_images
from frame_protocol.firmware import HEAD_BYTES, counter_line
from frame_protocol.updates import ArtefactKind, Line, UpdateState
from tests.crash.firmware import Machine, provision
from tests.support import firmware
from tests.support.updating import UpdatingFrame, order


@pytest.fixture
def image(tmp_path):
    """Makes a container of an image that carries ``counter``; ``says`` is what the container tells of it."""

    def make(counter: int, says: int | None = None):
        return firmware.container(
            tmp_path / f"fw-{counter}.swu", f"firmware {counter}".encode(), counter if says is None else says
        )

    return make


@pytest.fixture
def frame(published, served, tmp_path):
    """A frame that the factory gave firmware 5."""
    made = UpdatingFrame(tmp_path / "frame", served.url, published.root)
    provision(made.home, b"firmware 5")
    return made


def release(published, monkeypatch, counter, path, *, line=Line.FIRMWARE, unlooked=False, **more):
    """Publish a firmware; ``unlooked``: by tools that do not compare counters."""
    with monkeypatch.context() as careless:
        if unlooked:
            careless.setattr(firmware_images, "check", lambda *arguments: None)
        published.publish(f"fw-{counter}", counter, [(ArtefactKind.FIRMWARE, path)], line=line, **more)


def offered(frame, number, name, line=Line.FIRMWARE):
    """Let the frame poll until it has nothing more to restart for; return the state, and what runs."""
    machine = Machine(frame.home)
    frame.assignment = order(number, name, line=line)
    for _ in range(4):
        frame.firmware = machine.start()
        state = frame.poll().state
    return state, machine.runs()


def test_a_frame_fresh_from_the_factory_takes_nothing_below_its_firmware(frame, published, image, monkeypatch):
    release(published, monkeypatch, 3, image(3))
    assert offered(frame, 1, "fw-3") == (UpdateState.REFUSED, "firmware 5")
    assert frame.reasons() == ["counter 3 is not above 5, which this frame has"]
    told = [report.health.firmware_counter for report in frame.told() if report.state is UpdateState.OFFERED]
    assert told == [5]


def test_a_higher_one_is_kept_and_counts_from_then_on_also_without_the_journal(frame, published, image, monkeypatch):
    release(published, monkeypatch, 6, image(6))
    assert offered(frame, 1, "fw-6") == (UpdateState.KEPT, "firmware 6")
    assert frame.journal().kept_counters == {Line.FIRMWARE: 6}
    (frame.home / "update" / "journal.json").unlink()
    assert offered(frame, 2, "fw-6") == (UpdateState.REFUSED, "firmware 6")


def test_the_factorys_firmware_fulfils_what_a_release_requires(frame, published, image, monkeypatch):
    release(published, monkeypatch, 6, image(6), counters={Line.FIRMWARE: 5})
    assert offered(frame, 1, "fw-6") == (UpdateState.KEPT, "firmware 6")


def test_a_container_that_says_another_counter_than_was_signed_is_not_installed(frame, published, image, monkeypatch):
    release(published, monkeypatch, 8, image(6), unlooked=True)
    assert offered(frame, 1, "fw-8") == (UpdateState.REFUSED, "firmware 5")
    assert frame.reasons() == ["the firmware carries counter 6, the release says 8"]


def test_an_image_that_is_not_what_its_container_says_goes_back(frame, published, image, monkeypatch):
    release(published, monkeypatch, 8, image(6, says=8))
    assert offered(frame, 1, "fw-8") == (UpdateState.REVERTED, "firmware 5")
    assert frame.reasons() == ["the firmware runs with counter 6, its container says 8"]
    assert frame.journal().kept_counters == {}


def test_an_image_from_before_counters_counts_by_what_was_signed(frame, published, tmp_path, monkeypatch):
    old = firmware.container(tmp_path / "old.swu", b"an image that says nothing", 0)
    release(published, monkeypatch, 6, old, unlooked=True)
    assert offered(frame, 1, "fw-6") == (UpdateState.KEPT, "an image that says nothing")
    assert frame.journal().kept_counters == {Line.FIRMWARE: 6}


def test_a_firmware_in_a_set_of_another_line_raises_the_firmwares_counter(frame, published, image, monkeypatch):
    release(published, monkeypatch, 1, image(7), line=Line.SEASONAL)
    assert offered(frame, 1, "fw-1", Line.SEASONAL) == (UpdateState.KEPT, "firmware 7")
    assert frame.journal().kept_counters == {Line.SEASONAL: 1, Line.FIRMWARE: 7}


@pytest.mark.parametrize("carried", [0, 4])
def test_a_set_with_an_older_firmware_is_refused(frame, published, tmp_path, monkeypatch, carried):
    path = firmware.container(tmp_path / "old.swu", b"firmware 4", carried)
    release(published, monkeypatch, 1, path, line=Line.SEASONAL, unlooked=True)
    assert offered(frame, 1, "fw-1", Line.SEASONAL) == (UpdateState.REFUSED, "firmware 5")
    assert frame.reasons() == [f"the firmware carries counter {carried}, this frame has 5"]


def test_a_firmware_handed_over_by_an_agent_that_did_not_look_is_looked_at_on_trial(
    frame, published, image, monkeypatch
):
    release(published, monkeypatch, 8, image(6, says=8))
    machine, trying = Machine(frame.home), frame.home / "update" / "journal.json"
    frame.firmware, frame.assignment = machine.start(), order(1, "fw-8", line=Line.FIRMWARE)
    frame.poll()
    journal = msgspec.json.decode(trying.read_bytes())
    del journal["order"]["firmware_counter"]
    trying.write_bytes(msgspec.json.encode(journal))
    assert offered(frame, 1, "fw-8") == (UpdateState.REVERTED, "firmware 5")
    assert frame.reasons() == ["the firmware carries counter 6, the release says 8"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda data: b"not cpio" + data, "a cpio archive with checksums was expected"),
        (lambda data: data[:60], "a cpio archive with checksums was expected"),
        (lambda data: data[:300], "is cut off"),
        (lambda data: data.replace(b"sw-description", b"root.squashfs.", 1), "sw-description was expected"),
        (lambda data: data[:54] + b"zzzzzzzz" + data[62:], "a cpio archive with checksums was expected"),
        (lambda data: data[:54] + b"%08X" % HEAD_BYTES + data[62:], "cut off"),
        (lambda data: data.replace(b"  lf-1 = {\n    h", counter_line(9).encode(), 1), "says 2 counters"),
    ],
)
def test_what_is_no_container_is_refused_with_its_reason_by_frame_and_by_release(image, tmp_path, change, says):
    changed = tmp_path / "changed.swu"
    changed.write_bytes(change(image(7).read_bytes()))
    with pytest.raises(UpdateFailed, match=says):
        container.counter(changed)
    with pytest.raises(Invalid, match=says):
        firmware_images.counter("it", changed)


@pytest.mark.parametrize("number", [b"-0000080", b"+0000010", b" 0000010", b"000_0010", b"0x000010"])
def test_a_length_of_other_than_eight_digits_is_refused_and_leads_nowhere_back(image, tmp_path, number):
    changed = tmp_path / "changed.swu"
    data = image(7).read_bytes()
    changed.write_bytes(data[:54] + number + data[62:])
    for read in (container.image, container.counter):
        with pytest.raises(UpdateFailed, match="a cpio archive with checksums was expected"):
            read(changed)


def test_people_sign_no_firmware_whose_counter_is_missing_or_another(published, image, tmp_path):
    old = firmware.container(tmp_path / "old.swu", b"an image that says nothing", 0)
    for path, says in [(image(6), "carries counter 6, the release fw has 8"), (old, "no counter")]:
        with pytest.raises(Invalid, match=says):
            published.build("fw", 8, [(ArtefactKind.FIRMWARE, path)], line=Line.FIRMWARE)
    assert not (published.scratch / "fw").exists()


def test_who_signs_looks_again(published, image, tmp_path, monkeypatch):
    with monkeypatch.context() as careless:
        careless.setattr(firmware_images, "check", lambda *arguments: None)
        built = published.build("fw", 8, [(ArtefactKind.FIRMWARE, image(6))], line=Line.FIRMWARE)
    with pytest.raises(Invalid, match="carries counter 6"):
        published.sign(built)


@pytest.mark.parametrize("counter", [0, -1, 2**53])
def test_no_image_is_built_with_a_counter_that_no_release_has(counter):
    with pytest.raises(Invalid, match=f"counter {counter}"):
        Facts("1.0", "lf-1", ("1.0",), counter).check()


def test_a_slot_says_its_counter_and_one_from_before_says_none(tmp_path):
    (tmp_path / tree.FACTS).write_text('{"version":"7.0","hardware":"lf-1","counter":7}')
    assert booted.facts(tmp_path).counter == 7
    (tmp_path / tree.FACTS).write_text('{"version":"7.0","hardware":"lf-1"}')
    assert booted.facts(tmp_path) == booted.Facts("7.0", "lf-1", 0)

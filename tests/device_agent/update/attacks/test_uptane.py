"""The attacks that Uptane names (standard 4.2), each against a whole frame, with the check and without it.

To read updates (eavesdrop), to deny them (drop requests, slow retrieval, freeze, partial bundle), to make the device
fail (rollback, endless data, mixed bundles, mix and match) and to control it (arbitrary software). Every test runs
twice; without the one check the attack must succeed.
"""

from datetime import UTC, datetime, timedelta

import pytest
from tuf.api.metadata import Root, Signed, Targets

from device_agent.errors import AgentError, ServerRefused, ServerUnreachable, StorageError
from device_agent.system import http, tls
from device_agent.system.http import DeviceHttp
from device_agent.update import assignment, checks, fetch, machine, places, updater
from device_agent.update.fetch import Fetcher
from fleet_server.signing import keys
from frame_protocol.updates import ArtefactKind, Line, UpdateState
from tests.crash.firmware import Machine, provision
from tests.support import pki, unguarded
from tests.support.attacked import days_later
from tests.support.firmware import container
from tests.support.pki import Authority
from tests.support.server import FleetServer
from tests.support.songs import write_pack
from tests.support.tiny_models import make_delta

MEGABYTE = 1 << 20
TWO_DAYS_AGO = datetime.now(UTC) - timedelta(days=2)


def test_eavesdropping_by_somebody_who_takes_the_servers_place(tmp_path, guarded, without):
    """The attacker answers for the server's address, with a certificate of another authority."""
    without(tls, "trusting", lambda pem, *, clock_is_plausible: tls.unverified())
    impostor = FleetServer(Authority(tmp_path / "impostor"))
    ours = Authority(tmp_path / "ours")
    try:
        with DeviceHttp(impostor.url, tls.trusting(ours.pem, clock_is_plausible=True)) as device:
            device.put_json("/device/v1/complaints/secret", b"{}")
    except AgentError:
        pass
    finally:
        impostor.close()
    assert bool(impostor.requests) is not guarded


def verified_and_waiting(world, models):
    """A frame that has a release whole and verified, and could not install it yet (its disk was full)."""
    built = world.release("one", 1, models[0].tar)
    with pytest.MonkeyPatch.context() as full:
        full.setattr(updater.Updater, "_install", _disk_is_full)
        world.update(world.order(built))
    assert world.frame.journal().state is UpdateState.VERIFIED
    return built


def _disk_is_full(self, order):
    raise StorageError("no space left; this is a test")


@pytest.mark.parametrize("denied", ["dropped", "expired", "its certificate expired"])
def test_drop_request_and_freeze_after_the_release_was_verified(world, models, guarded, without, denied):
    """The attacker lets nothing through any more, or only what has expired: what is whole on the disk goes on."""
    built = verified_and_waiting(world, models)
    without(machine, "needs_nobody", unguarded.no)
    answers = {
        "dropped": lambda: ServerUnreachable("dropped"),
        "expired": lambda: world.order(built, at=TWO_DAYS_AGO),
        "its certificate expired": lambda: what_a_server_says_to_an_expired_certificate(world.frame.home),
    }
    world.update(answers[denied]())
    assert (world.frame.active_weights() != models[0].weights) is not guarded


def what_a_server_says_to_an_expired_certificate(folder):
    """Return the error of a call with a client certificate whose time is over."""
    authority = Authority(folder / "ca")
    server = FleetServer(authority)
    with pytest.MonkeyPatch.context() as past:
        past.setattr(pki, "END", TWO_DAYS_AGO)
        pair = authority.client("frame-ab12")
    context = tls.trusting(authority.pem, clock_is_plausible=True)
    context.load_cert_chain(pair.certificate, pair.key)
    try:
        with DeviceHttp(server.url, context) as device, pytest.raises(AgentError) as refused:
            device.get(assignment.PATH)
    finally:
        server.close()
    return refused.value


def test_slow_retrieval_of_an_answer(world, guarded, without, monkeypatch):
    """The attacker lets the director's answer trickle, so that the frame does nothing else for ever."""
    without(http, "ANSWER_SECONDS", float("inf"))
    ticks = iter(range(0, 10**9, 301))
    monkeypatch.setattr(http.clock, "monotonic", lambda: float(next(ticks)))
    with DeviceHttp(world.served.url, tls.unverified()) as device:
        try:
            device.get("/tuf/metadata/timestamp.json")
            arrived = True
        except ServerUnreachable:
            arrived = False
    assert arrived is not guarded


def test_slow_retrieval_of_what_the_director_says(world, guarded, without):
    """Its newest root trickles; see test_tuf for metadata and targets."""
    without(Fetcher, "_check_rate", unguarded.accept)
    ticks = iter(range(0, 10**9, 301))
    with fetch.httpx.Client() as http:
        slow = Fetcher(
            http,
            f"{world.served.url}/tuf/director",
            policy=fetch.RetryPolicy(attempts=1),
            clock=lambda: float(next(ticks)),
            sleep=lambda seconds: None,
        )
        try:
            slow.read("1.root.json", MEGABYTE)
            arrived = True
        except ServerUnreachable:
            arrived = False
    assert arrived is not guarded


def test_freeze_with_an_old_answer_of_the_director(world, models, guarded, without):
    """The attacker replays an order of the week before last to a frame that never heard it."""
    without(Signed, "is_expired", unguarded.no)
    world.update(world.order(world.release("one", 1, models[0].tar), at=TWO_DAYS_AGO))
    assert (world.frame.active_weights() == models[0].weights) is not guarded


def test_an_older_answer_after_a_newer_one(world, models, guarded, without):
    """The attacker replays an order of an hour ago that was replaced since."""
    one, two = world.release("one", 1, models[0].tar), world.release("two", 2, models[1].tar)
    replaced = world.order(one, at=datetime.now(UTC) - timedelta(hours=1))
    world.frame.asking.ask(world.order(two, 2))
    without(assignment.TrustClient, "_update_timestamp", _forgetful(assignment.TrustClient._update_timestamp))
    world.update(replaced)
    assert (world.frame.active_weights() == models[0].weights) is not guarded


def _forgetful(update):
    """The workflow's step 5.4 without the stored timestamp and snapshot."""

    def forget(client, trusted):
        for role in ("timestamp", "snapshot"):
            client._store._path(role).unlink(missing_ok=True)
        update(client, trusted)

    return forget


def test_partial_bundle(world, models, guarded, without, tmp_path):
    """Of a release of two files the attacker lets one through: all are installed, or none."""
    song = write_pack(tmp_path)
    both = [(ArtefactKind.CONTENT, song), (ArtefactKind.MODEL, models[0].tar)]
    built = world.published.publish("both", 1, both)
    world.answers[song.name] = _not_found
    without(Fetcher, "download", _forgiving(Fetcher.download))
    without(places, "installers", _careless(places.installers))
    world.update(world.order(built))
    assert (world.frame.active_weights() == models[0].weights) is not guarded


def _careless(original):
    """Installers of which that of songs does not mind when there is nothing to install."""

    def made(tools):
        return {**original(tools), ArtefactKind.CONTENT: unguarded.accept}

    return made


def _not_found(environ, start_response):
    start_response("404 NOT FOUND", [("Content-Length", "0")])
    return [b""]


def _forgiving(download):
    """A download that takes a missing file for one that is not needed."""

    def forgive(self, *arguments):
        try:
            download(self, *arguments)
        except ServerRefused:
            return

    return forgive


def test_rollback_to_an_older_release(world, models, guarded, without):
    """The attacker has the director's key and orders a release with a known weakness, which people signed then."""
    without(checks, "not_newer", unguarded.accept)
    old = world.release("old", 1, models[0].tar)
    world.keep(world.release("new", 2, models[1].tar))
    world.update(world.order(old, 7))
    assert (world.frame.active_weights() == models[0].weights) is not guarded


def test_rollback_by_a_counter_that_the_director_makes_up(world, models, guarded, without):
    """The director says that an old release is a new one; the manifest, which people signed, does not."""
    without(checks, "disagreement", unguarded.accept)
    built = world.release("one", 1, models[0].tar)
    world.update(world.order(built, counter=99))
    assert (world.frame.active_weights() == models[0].weights) is not guarded


def started(world, answer=None):
    """Start the frame, and start it again as often as a firmware asks for; return the firmware that runs then."""
    machine = Machine(world.frame.home)
    for _ in range(4):
        world.frame.firmware = machine.start()
        if answer is not None:
            world.update(answer)
    return machine.runs()


def firmware(world, image, counter, line=Line.FIRMWARE):
    """Publish a firmware that people signed."""
    return world.published.publish("fw", counter, [(ArtefactKind.FIRMWARE, image)], line=line)


def test_rollback_below_the_firmware_of_the_factory(world, guarded, without, tmp_path):
    """The attacker has the director's key and orders an older firmware on a frame that was never updated."""
    without(checks, "never_below", lambda kept, runs: dict(kept))
    provision(world.frame.home, b"firmware 5")
    old = firmware(world, container(tmp_path / "old.swu", b"firmware 3", 3), 3)
    assert (started(world, world.order(old)) == "firmware 3") is not guarded


def test_rollback_by_an_old_firmware_in_a_set_of_another_line(world, guarded, without, tmp_path):
    """People once put it beside a song, and of songs this frame has kept none."""
    without(checks, "other_firmware", unguarded.accept)
    provision(world.frame.home, b"firmware 5")
    old = firmware(world, container(tmp_path / "old.swu", b"firmware 3", 3), 1, Line.SEASONAL)
    assert (started(world, world.order(old)) == "firmware 3") is not guarded


def test_rollback_by_a_container_that_says_more_than_its_image(world, guarded, without, tmp_path):
    """A careless builder wrapped an old file system anew: on trial the image itself is asked."""
    without(checks, "another_firmware", unguarded.accept)
    provision(world.frame.home, b"firmware 5")
    wrapped = firmware(world, container(tmp_path / "new.swu", b"firmware 3", 7), 7)
    assert (started(world, world.order(wrapped)) == "firmware 3") is not guarded


def test_endless_data(world, models, guarded, without):
    """The attacker answers the request for a target with bytes until the disk is full."""
    without(fetch, "_is_too_much", unguarded.no)
    built = world.release("one", 1, models[0].tar)
    world.answer_without_end("model-0.tar", 16 * MEGABYTE)
    world.update(world.order(built))
    assert (world.sent == 16 * MEGABYTE) is not guarded


def test_mixed_bundles_another_frames_order(world, models, guarded, without):
    """The attacker gives this frame what the director signed for another."""
    without(assignment, "is_for", unguarded.yes)
    built = world.release("one", 1, models[0].tar)
    world.update(world.order(built, frame="frame-zz99"))
    assert (world.frame.active_weights() == models[0].weights) is not guarded


def test_mixed_bundles_an_order_for_other_hardware(world, models, guarded, without):
    """The attacker has the director's database: this frame is taken for another model."""
    without(checks, "disagreement", unguarded.accept)
    built = world.release("one", 1, models[0].tar)
    world.update(world.order(built, hardware="lf-2"))
    assert (world.frame.active_weights() == models[0].weights) is not guarded


def test_a_release_for_other_hardware(world, models, guarded, without):
    """The attacker has the director's key and orders what people signed for another model of frame."""
    without(checks, "unmet", unguarded.accept)
    built = world.release("one", 1, models[0].tar, hardware=["lf-2"])
    world.update(world.order(built))
    assert (world.frame.active_weights() == models[0].weights) is not guarded


@pytest.mark.parametrize("told", ["another hash", "half of the files", "one file more"])
def test_mix_and_match_of_what_the_director_and_the_image_repository_say(world, models, guarded, without, told):
    """The attacker has the director's key and puts together what people never did."""
    without(checks, "disagreement", unguarded.accept)
    built = world.release("one", 1, models[0].tar)
    other = world.release("two", 2, models[1].tar).release.artefacts[0]
    (own,) = built.release.artefacts
    entry = built.document.signed.targets["releases/models/one.json"]
    manifest = {"releases/models/one.json": (entry.length, entry.hashes["sha256"])}
    files = {
        "another hash": {**manifest, own.path: (other.length, other.sha256)},
        "half of the files": manifest,
        "one file more": {**manifest, own.path: (own.length, own.sha256), other.path: (other.length, other.sha256)},
    }[told]
    world.update(world.order(built, files=files))
    assert (world.frame.active_weights() == models[0].weights) is not guarded


def test_mix_and_match_of_a_delta_with_another_base(world, models, guarded, without, tmp_path):
    """The attacker orders a delta that people signed for another model; merged here it would be noise."""
    delta = make_delta(tmp_path / "delta", models[1])
    world.keep(world.release("one", 1, models[0].tar))
    fix = world.published.publish(
        "fix", 2, [(ArtefactKind.MODEL_DELTA, delta.tar)], base=delta.base, result=delta.result
    )
    without(checks, "unmet", unguarded.accept)
    world.update(world.order(fix, 2))
    tried = world.frame.reports()[-1][1] == "refused" and len(world.frame.reports()) == 6 + 4
    # Without the first check the second one meets it: the base's hash is in the delta itself.
    assert tried is not guarded
    assert world.frame.active_weights() == models[0].weights


def test_arbitrary_software_by_one_who_has_the_image_repository_alone(world, models, guarded, without):
    """The attacker has two people's keys and the server's image repository, but not the director's key."""
    without(Root, "verify_delegate", unguarded.accept)
    built = world.sign_as(world.published.build("evil", 1, [(ArtefactKind.MODEL, models[2].tar)]), 1, 2)
    world.plant(built)
    path = world.published.config.tuf_dir / "keys" / "director.pem"
    path.unlink()
    keys.generate(path, None)
    world.update(world.order(built))
    assert (world.frame.active_weights() == models[2].weights) is not guarded


def test_arbitrary_software_by_one_who_has_the_director_alone(world, models, guarded, without):
    """The attacker has the director's key and serves what no people signed."""
    without(Targets, "verify_delegate", unguarded.accept)
    built = world.published.build("evil", 1, [(ArtefactKind.MODEL, models[2].tar)])
    world.plant(world.sign_with_online_keys(built))
    world.update(world.order(built))
    assert (world.frame.active_weights() == models[2].weights) is not guarded


def test_a_clock_that_is_set_forward_denies_for_as_long_as_it_is_wrong_only(world, models):
    """Nothing is lost by it: as soon as the clock is right, the same order installs."""
    built = world.release("one", 1, models[0].tar)
    world.frame.now = days_later(400)
    world.update(world.order(built))
    assert world.frame.active_weights() is None
    world.frame.now = days_later(0)
    world.update(world.order(built))
    assert world.frame.active_weights() == models[0].weights

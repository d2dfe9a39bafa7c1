"""The attacks that TUF names (specification 1.5.2), each against a whole frame, with the check and without it.

Every test runs twice. With the check in place the attack fails; with that one check taken out it succeeds, which
shows that this check, and no luck, stood in its way.
"""

import time

import httpx
import pytest
from tuf.api import _payload
from tuf.api.metadata import MetaFile, Root, Signed, Targets
from tuf.ngclient._internal.trusted_metadata_set import TrustedMetadataSet

from device_agent.errors import AgentError, TrustError
from device_agent.system import files
from device_agent.update import checks, fetch
from device_agent.update.fetch import Fetcher, Limits
from device_agent.update.retry import RetryPolicy
from device_agent.update.trust import client
from device_agent.update.trust.client import Bounds
from device_agent.update.trust.store import MetadataStore
from fleet_server.signing import metadata
from frame_protocol.updates import ArtefactKind, UpdateState, artefact_path
from tests.support import unguarded
from tests.support.attacked import days_later

MEGABYTE = 1 << 20


def test_arbitrary_software_that_no_offline_key_signed(world, models, guarded, without):
    """The attacker has the server and all three online keys."""
    without(Targets, "verify_delegate", unguarded.accept)
    evil = world.sign_with_online_keys(world.published.build("evil", 1, [(ArtefactKind.MODEL, models[2].tar)]))
    world.plant(evil)
    world.update(world.order(evil))
    assert (world.frame.active_weights() == models[2].weights) is not guarded


def test_rollback_to_metadata_of_an_earlier_day(world, models, guarded, without):
    """The attacker replays what was signed then and has not expired."""
    without(MetadataStore, "load", unguarded.accept)
    earlier = world.remember()
    world.release("one", 1, models[0].tar)
    assert world.believes()
    world.replay(earlier)
    assert world.believes() is not guarded


def test_fast_forward_does_not_outlast_the_stolen_key(world, models, guarded, without):
    """Versions at the end of all numbers, by the stolen timestamp key; then the people name another key."""
    without(Root, "verify_delegate", unguarded.accept)
    stolen = world.remember()
    far = metadata.parse(metadata.Timestamp, stolen["timestamp.json"])
    far.signed.version = 2**53
    far.signatures.clear()
    (world.published.repository.metadata / "timestamp.json").write_bytes(metadata.dump(far))
    assert world.believes() is not guarded


def test_indefinite_freeze(world, models, guarded, without):
    """The attacker shows the same repository for ever."""
    without(Signed, "is_expired", unguarded.no)
    assert world.believes()
    world.frame.now = days_later(8)
    assert world.believes() is not guarded


def test_endless_metadata(world, guarded, without, monkeypatch):
    """The attacker answers with bytes until disk or memory are full."""
    without(client, "Bounds", lambda: Bounds(timestamp_bytes=1 << 40))
    world.answer_without_end("timestamp.json", 16 * MEGABYTE)
    assert not world.believes()
    assert (world.sent == 16 * MEGABYTE) is not guarded


@pytest.mark.parametrize("what", ["timestamp.json", "target"])
def test_slow_retrieval(world, models, guarded, without, what):
    """The attacker sends just enough for no timeout to fire; the clock jumps a minute with each look at it."""
    without(Fetcher, "_check_rate", unguarded.accept)
    built = world.release("one", 1, models[0].tar)
    ticks = iter(range(0, 10**9, 61))
    with httpx.Client() as http:
        where = "metadata" if what.endswith("json") else "targets"
        slow = Fetcher(
            http,
            f"{world.served.url}/tuf/{where}",
            policy=RetryPolicy(attempts=1),
            limits=Limits(min_bytes_per_second=1e9),
            clock=lambda: float(next(ticks)),
            sleep=lambda seconds: None,
        )
        try:
            if what == "target":
                (artefact,) = built.release.artefacts
                name = artefact.path.replace("/one/", f"/one/{artefact.sha256}.")
                slow.download(name, world.frame.home / "part", artefact.length, artefact.sha256)
            else:
                slow.read(what, MEGABYTE)
            arrived = True
        except AgentError:
            arrived = False
    assert arrived is not guarded


def test_extraneous_dependencies(world, models, guarded, without):
    """A manifest that people signed asks for a file that nobody signed; the attacker serves one."""
    without(checks, "unsigned_artefact", unguarded.accept)
    built = world.published.build("one", 1, [(ArtefactKind.MODEL, models[2].tar)])
    (artefact,) = built.release.artefacts
    (path,) = [path for path in built.document.signed.targets if path == artefact.path]
    del built.document.signed.targets[path]
    world.plant(world.sign_as(built, 1, 2))
    stored = world.published.repository.targets / path.replace("/one/", f"/one/{artefact.sha256}.")
    stored.parent.mkdir(parents=True, exist_ok=True)
    stored.write_bytes(models[2].tar.read_bytes())
    world.update(world.order(built))
    assert (world.frame.active_weights() == models[2].weights) is not guarded


def test_mix_and_match(world, models, guarded, without):
    """The newest snapshot with a line of an earlier day: files that never were together."""
    without(TrustedMetadataSet, "update_delegated_targets", unguarded.any_version)
    without(MetaFile, "verify_length_and_hashes", unguarded.accept)
    world.release("one", 1, models[0].tar)
    earlier = world.published.read("2.models.json")
    world.release("two", 2, models[1].tar)
    (world.published.repository.metadata / "3.models.json").write_bytes(earlier)
    try:
        shown = world.trust().target("releases/models/two.json")
    except TrustError:
        mixed = False
    else:
        mixed = shown is None
    assert mixed is not guarded


def test_wrong_software_under_the_right_name(world, models, guarded, without):
    """The attacker answers the request for one signed file with another that is as long."""
    without(fetch, "_hash", lambda path, algorithm: path.name)
    built = world.release("one", 1, models[0].tar)
    wrong = models[2].tar.read_bytes()
    assert len(wrong) == built.release.artefacts[0].length
    world.answer_bytes("model-0.tar", wrong)
    world.update(world.order(built))
    assert (world.frame.active_weights() == models[2].weights) is not guarded


def test_a_mirror_that_poisons_partial_files_does_not_stop_updates(world, models, guarded, without, monkeypatch):
    """The mirror sends rubbish and breaks off, so that every later download would go on from rubbish."""
    built = world.release("one", 1, models[0].tar)
    world.answer_bytes("model-0.tar", b"rubbish", built.release.artefacts[0].length)
    world.update(world.order(built))
    assert world.frame.journal().state is UpdateState.DOWNLOADING
    del world.answers["model-0.tar"]
    without(files, "remove_file", unguarded.accept)
    world.update(world.order(built))
    assert (world.frame.active_weights() != models[0].weights) is not guarded


@pytest.mark.parametrize("people", [(1,), (1, 1)], ids=["one person", "one person twice"])
def test_key_compromise_below_the_threshold(world, models, guarded, without, people):
    """The attacker has one person's keys, the server and all online keys."""
    without(_payload.VerificationResult, "verified", property(unguarded.one_is_enough))
    evil = world.published.build("evil", 1, [(ArtefactKind.MODEL, models[2].tar)])
    world.plant(world.sign_with_online_keys(world.sign_as(evil, *people)))
    world.update(world.order(evil))
    assert (world.frame.active_weights() == models[2].weights) is not guarded


def test_keys_of_one_line_for_another_line(world, models, guarded, without):
    """The attacker has the keys of models and would sign firmware."""
    without(metadata.DelegatedRole, "is_delegated_path", unguarded.yes)
    path = artefact_path("firmware", "evil", "evil.swu")
    built = world.published.build("one", 1, [(ArtefactKind.MODEL, models[0].tar)])
    built.document.signed.targets[path] = metadata.target(path, 1, "0" * 64)
    world.plant(world.sign_as(built, 1, 2))
    found = world.trust().target(path)
    # Without the pattern every line is asked in its order, and models comes first.
    assert (found is not None) is not guarded


def test_the_honest_way_installs(world, models):
    """Nothing above is refused because nothing works."""
    begun = time.monotonic()
    world.keep(world.release("one", 1, models[0].tar))
    assert world.frame.active_weights() == models[0].weights
    world.keep(world.release("two", 2, models[1].tar))
    assert world.frame.active_weights() == models[1].weights
    assert time.monotonic() - begun < 60

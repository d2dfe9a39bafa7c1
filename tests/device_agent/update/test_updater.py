"""An order from its offer to its end, over real HTTP, files and signatures; and cut at every operation on the way."""

import itertools
import os
import shutil
import signal

import numpy as np
import pytest

from device_agent.errors import ServerRefused, ServerUnreachable, TrustError
from device_agent.update.permission import Deed
from frame_protocol.updates import ArtefactKind, UpdateState
from tests.support.crash import run_until_step
from tests.support.repository import TestRepository
from tests.support.tiny_models import make_delta, make_model
from tests.support.updating import HEALTH, UpdatingFrame, failing, order

WHOLE_WAY = ["offered", "downloading", "verified", "installed", "trying", "kept"]


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return make_model(tmp_path_factory.mktemp("base"), filler_bytes=20_000)


@pytest.fixture(scope="module")
def delta(tmp_path_factory, base):
    return make_delta(tmp_path_factory.mktemp("delta"), base)


@pytest.fixture
def fleet(published, base, delta) -> TestRepository:
    """A repository with a whole model and a delta to it."""
    published.publish("base", 1, [(ArtefactKind.MODEL, base.tar)], result=base.weights)
    published.publish("fix", 2, [(ArtefactKind.MODEL_DELTA, delta.tar)], base=delta.base, result=delta.result)
    return published


@pytest.fixture
def frame(fleet, served, tmp_path):
    return UpdatingFrame(tmp_path / "frame", served.url, fleet.root)


@pytest.fixture
def running_base(frame):
    """A frame that keeps the base model."""
    frame.assignment = order(1, "base")
    assert frame.poll().state is UpdateState.KEPT
    return frame


def steps(release, states=WHOLE_WAY):
    return [(release, state) for state in states]


def test_a_frame_without_a_model_gets_one(frame, base):
    frame.assignment = order(1, "base")
    journal = frame.poll()
    assert (journal.state, journal.unsent) == (UpdateState.KEPT, ())
    assert frame.active_weights() == base.weights
    assert frame.reports() == steps("base")


def test_a_delta_changes_the_model_and_names_its_weights(running_base, delta):
    running_base.assignment = order(2, "fix")
    journal = running_base.poll()
    assert journal.state is UpdateState.KEPT
    assert running_base.active_weights() == delta.result == journal.order.weights_sha256
    assert running_base.reports() == steps("base") + steps("fix")
    assert sorted(path.name for path in running_base.models.iterdir()) == ["a", "active", "b"]
    assert not (running_base.home / "update" / "downloads").exists()
    assert not (running_base.home / "update" / "work").exists()


def test_nothing_to_do_changes_nothing(running_base):
    running_base.assignment = None
    assert running_base.poll().state is UpdateState.KEPT
    running_base.assignment = order(1, "base")
    assert running_base.poll().state is UpdateState.KEPT
    assert running_base.reports() == steps("base")


def test_a_version_that_fails_its_self_test_goes_back_and_is_not_tried_again(running_base, base):
    running_base.assignment = order(2, "fix")
    running_base.self_test = failing
    assert running_base.poll().state is UpdateState.REVERTED
    running_base.self_test = lambda directory: HEALTH
    assert running_base.poll().state is UpdateState.REVERTED
    assert running_base.active_weights() == base.weights
    assert running_base.reports() == steps("base") + steps("fix", [*WHOLE_WAY[:-1], "reverted"])
    assert running_base.reasons() == ["self-test: b does not speak"]


def test_a_release_that_failed_is_tried_again_by_a_new_order(running_base, delta):
    running_base.assignment = order(2, "fix")
    running_base.self_test = failing
    running_base.poll()
    running_base.self_test = lambda directory: HEALTH
    running_base.assignment = order(3, "fix")
    assert running_base.poll().state is UpdateState.KEPT
    assert running_base.active_weights() == delta.result


def test_a_first_model_that_fails_leaves_the_frame_without_one(frame):
    frame.assignment = order(1, "base")
    frame.self_test = failing
    assert frame.poll().state is UpdateState.REVERTED
    assert frame.active_weights() is None


def test_a_self_test_that_kills_the_program_is_started_three_times_and_no_more(running_base, base):
    """The child dies in the self-test, as it would of a crash in native code."""
    running_base.assignment = order(2, "fix")
    running_base.self_test = lambda directory: os.kill(os.getpid(), signal.SIGKILL)
    for _ in range(3):
        assert run_until_step(running_base.poll, 10**9, running_base.home)
        assert running_base.journal().state is UpdateState.TRYING
    assert not run_until_step(running_base.poll, 10**9, running_base.home)
    assert running_base.journal().state is UpdateState.REVERTED
    assert running_base.active_weights() == base.weights
    assert "3 starts" in running_base.reasons()[-1]


def test_an_older_release_is_refused(running_base, base, delta):
    running_base.assignment = order(2, "fix")
    running_base.poll()
    running_base.assignment = order(3, "base")
    assert running_base.poll().state is UpdateState.REFUSED
    assert running_base.active_weights() == delta.result
    assert "not above 2" in running_base.reasons()[-1]


def test_a_release_that_nobody_signed_is_refused(running_base):
    running_base.assignment = order(2, "invented")
    assert running_base.poll().state is UpdateState.REFUSED
    assert "not signed" in running_base.reasons()[-1]


def test_a_delta_for_another_base_is_refused_before_it_is_fetched(frame):
    frame.assignment = order(1, "fix")
    assert frame.poll().state is UpdateState.REFUSED
    assert frame.reports() == steps("fix", ["offered", "refused"])


def test_a_delta_whose_result_is_not_as_promised_is_never_active(running_base, fleet, tmp_path, base):
    lying = make_delta(tmp_path / "lying", base, seed=7, promised="e" * 64)
    fleet.publish("lying", 3, [(ArtefactKind.MODEL_DELTA, lying.tar)], base=base.weights, result="e" * 64)
    running_base.assignment = order(2, "lying")
    assert running_base.poll().state is UpdateState.REFUSED
    assert running_base.active_weights() == base.weights
    assert "promises" in running_base.reasons()[-1]


def test_a_signed_file_that_is_no_package_is_refused(running_base, fleet, tmp_path, base):
    (tmp_path / "junk.tar").write_bytes(b"junk" * 1000)
    fleet.publish("junk", 3, [(ArtefactKind.MODEL, tmp_path / "junk.tar")])
    running_base.assignment = order(2, "junk")
    assert running_base.poll().state is UpdateState.REFUSED
    assert running_base.active_weights() == base.weights


def test_a_server_that_swaps_an_artefact_is_found_out(running_base, fleet, base):
    for path in fleet.repository.targets.glob("models/fix/*"):
        path.write_bytes(bytes(path.stat().st_size))
    running_base.assignment = order(2, "fix")
    for _ in range(2):
        with pytest.raises(TrustError, match="hash"):
            running_base.poll()
        assert running_base.journal().state is UpdateState.DOWNLOADING
    assert running_base.poll().state is UpdateState.REFUSED
    assert running_base.active_weights() == base.weights


@pytest.mark.parametrize("suffer", [lambda path: path.unlink(), lambda path: path.write_bytes(b"rot" * 1000)])
def test_an_artefact_that_suffers_while_its_order_rests_is_fetched_anew(running_base, delta, suffer):
    running_base.assignment = order(2, "fix")
    running_base.why_wait = lambda deed: "a video plays" if deed is Deed.INSTALL else None
    assert running_base.poll().state is UpdateState.VERIFIED
    for path in (running_base.home / "update" / "downloads").iterdir():
        suffer(path)
    running_base.why_wait = lambda deed: None
    assert running_base.poll().state is UpdateState.KEPT
    assert running_base.active_weights() == delta.result


def test_an_artefact_that_is_missing_is_asked_for_again_at_the_next_poll_only(running_base, fleet, delta):
    (path,) = fleet.repository.targets.glob("models/fix/*")
    path.rename(path.with_suffix(".away"))
    running_base.assignment = order(2, "fix")
    with pytest.raises(ServerRefused, match="404"):
        running_base.poll()
    path.with_suffix(".away").rename(path)
    assert running_base.poll().state is UpdateState.KEPT
    assert running_base.active_weights() == delta.result


def test_an_order_that_is_withdrawn_rests_until_it_is_named_again(running_base, fleet):
    (path,) = fleet.repository.targets.glob("models/fix/*")
    path.rename(path.with_suffix(".away"))
    running_base.assignment = order(2, "fix")
    with pytest.raises(ServerRefused):
        running_base.poll()
    path.with_suffix(".away").rename(path)
    running_base.assignment = None
    assert running_base.poll().state is UpdateState.DOWNLOADING
    running_base.assignment = order(2, "fix")
    assert running_base.poll().state is UpdateState.KEPT
    assert running_base.reports() == steps("base") + steps("fix")


def test_a_server_that_does_not_answer_leaves_everything_as_it_is(running_base):
    running_base.assignment = ServerUnreachable("nobody there")
    with pytest.raises(ServerUnreachable):
        running_base.poll()
    assert running_base.journal().state is UpdateState.KEPT


def snapshot(frame):
    journal = frame.journal()
    return (
        journal.state,
        journal.unsent,
        journal.closed,
        journal.kept_counters,
        frame.active_weights(),
        frame.reports(),
    )


def cut_everywhere(start: UpdatingFrame, copies, models: set[str], stride: int) -> int:
    """Cut an update before every ``stride``-th operation; each time one more start must end it the same way.

    ``start`` is the frame as it is before; ``models`` are the weights it may run meanwhile, each of them whole.
    Return how many cuts were made.
    """
    whole = copies(start)
    whole.poll()
    expected = snapshot(whole)
    for cuts, step in enumerate(itertools.count(1, stride)):
        frame = copies(start)
        if not run_until_step(frame.poll, step, frame.home):
            return cuts
        assert frame.active_weights() in models, f"cut before operation {step}"
        frame.poll()
        assert snapshot(frame) == expected, f"cut before operation {step}"


@pytest.fixture
def copies(tmp_path, fleet, served):
    """Makes frames that are in the state of another, each in a home of its own."""
    numbers = itertools.count()

    def copy(frame: UpdatingFrame) -> UpdatingFrame:
        other = UpdatingFrame(tmp_path / f"copy-{next(numbers)}", served.url, fleet.root)
        shutil.copytree(frame.home, other.home, symlinks=True)
        other.assignment, other.self_test = frame.assignment, frame.self_test
        return other

    return copy


def passing(directory):
    return HEALTH


@pytest.mark.parametrize("self_test", [passing, failing])
def test_cut_before_an_operation_an_update_ends_the_same_with_the_same_reports(
    running_base, copies, self_test, base, delta
):
    """kill -9 before an operation on the disk or the network; the next start goes on as if nothing had been."""
    running_base.assignment, running_base.self_test = order(2, "fix"), self_test
    assert cut_everywhere(running_base, copies, {base.weights, delta.result}, stride=13) > 10


@pytest.mark.long
@pytest.mark.parametrize("self_test", [passing, failing])
def test_cut_before_every_single_operation(running_base, copies, self_test, base, delta):
    running_base.assignment, running_base.self_test = order(2, "fix"), self_test
    assert cut_everywhere(running_base, copies, {base.weights, delta.result}, stride=1) > 100


def test_cut_many_times_in_a_row_an_update_still_ends_the_same(frame, base):
    random = np.random.default_rng(11)
    frame.assignment = order(1, "base")
    for _ in range(40):
        if not run_until_step(frame.poll, int(random.integers(1, 60)), frame.home):
            break
    frame.poll()
    assert frame.journal().state in (UpdateState.KEPT, UpdateState.REVERTED)
    if frame.journal().state is UpdateState.KEPT:
        assert frame.active_weights() == base.weights
        assert frame.reports() == steps("base")

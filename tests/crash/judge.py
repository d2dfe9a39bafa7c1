"""What must hold after any cut: two starts, the first without a network, and the frame is where it would have been.

1. Before anything is started, what the frame runs is the old or the new version, whole; only between the swaps of
   two links it is the new model with the old song packs.
2. A start without a network raises nothing but "no server", and after it the frame runs the old or the new version.
3. Whatever was reported is true: who reported ``kept`` runs that version, who reported an end without it does not.
4. A start with a network ends the update as it would have ended, with the same reports, each once.
"""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from device_agent.errors import AgentError, ServerUnreachable
from frame_protocol.updates import FINAL, UpdateState
from tests.crash import operations as ops
from tests.crash.cuts import Found
from tests.crash.filesystem import store
from tests.crash.frame import CrashFrame, Running
from tests.crash.operations import Operation
from tests.crash.recorder import recording
from tests.crash.scenarios import Outcome, Scenario, comparable


class Wrong(Exception):
    """The frame is not as it must be."""


def judge(scenario: Scenario, found: Found, new_home: Callable[[], Path]) -> str | None:
    """Return what is wrong after a cut, or None."""
    home = new_home()
    store(found.tree, home)
    frame, reports = scenario.frame(home), list(found.reports)
    assignment, frame.assignment = frame.assignment, ServerUnreachable("no network")
    ignored: list[Operation] = []
    try:
        with recording(home, ignored):
            found_running = frame.runs()
            if found_running not in scenario.whole | {scenario.in_between}:
                raise Wrong(f"as it was found: runs {found_running}")
            _true(scenario, found_running, reports, "as it was found")
            _boot(frame, reports, ignored)
            _whole_and_true(scenario, frame, reports, "after a start without a network")
            frame.assignment = assignment
            journal = frame.boot(reports, ignored)
            ended = Outcome(comparable(journal), frame.runs(), tuple(reports))
            if ended != scenario.outcome:
                raise Wrong(f"after a start with a network: {ended}, not {scenario.outcome}")
    except (Wrong, AgentError) as error:
        return f"{type(error).__name__}: {error}"
    return None


def _boot(frame: CrashFrame, reports: list[ops.Report], into: list[Operation]) -> None:
    with suppress(ServerUnreachable):
        frame.boot(reports, into)


def _whole_and_true(scenario: Scenario, frame: CrashFrame, reports: list[ops.Report], when: str) -> None:
    running = frame.runs()
    if running not in scenario.whole:
        raise Wrong(f"{when}: runs {running}")
    _true(scenario, running, reports, when)


def _true(scenario: Scenario, running: Running, reports: list[ops.Report], when: str) -> None:
    """Who said ``kept`` of this order runs what the release brings; whose last order ended, without it, what was."""
    if not reports or reports[-1].report.state not in FINAL:
        return
    last = reports[-1].report
    kept = last.order_id == scenario.order_id and last.state is UpdateState.KEPT
    if running != (scenario.promised if kept else scenario.started):
        raise Wrong(f"{when}: reported {last.state} of {last.release}, runs {running}")

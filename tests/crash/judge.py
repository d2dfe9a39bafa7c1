"""What must hold after any cut: two starts, the first without a network, and the frame is where it would have been.

1. Before anything is started, the frame's model is one of the known ones, whole.
2. A start without a network raises nothing but "no server", and 1 holds after it.
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
from tests.crash.frame import CrashFrame
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
            _whole_and_true(scenario, frame, reports, "as it was found")
            _boot(frame, reports, ignored)
            _whole_and_true(scenario, frame, reports, "after a start without a network")
            frame.assignment = assignment
            journal = frame.boot(reports, ignored)
            ended = Outcome(comparable(journal), frame.running(), tuple(reports))
            if ended != scenario.outcome:
                raise Wrong(f"after a start with a network: {ended}, not {scenario.outcome}")
    except (Wrong, AgentError) as error:
        return f"{type(error).__name__}: {error}"
    return None


def _boot(frame: CrashFrame, reports: list[ops.Report], into: list[Operation]) -> None:
    with suppress(ServerUnreachable):
        frame.boot(reports, into)


def _whole_and_true(scenario: Scenario, frame: CrashFrame, reports: list[ops.Report], when: str) -> None:
    running = frame.running()
    if running not in scenario.models:
        raise Wrong(f"{when}: runs {running}")
    if not reports or reports[-1].report.state not in FINAL:
        return
    last = reports[-1].report
    if (last.weights_sha256 == running) != (last.state is UpdateState.KEPT):
        raise Wrong(f"{when}: reported {last.state} of {last.weights_sha256}, runs {running}")

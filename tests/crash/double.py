"""Two cuts in a row: the second comes while the frame recovers from the first.

The first may also be a kill of the program alone: the machine goes on, what was not synced is there for the next
start to see, and is lost with the second.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

from device_agent.errors import AgentError, ServerUnreachable
from tests.crash import losses
from tests.crash.cuts import Found, chance, random_loss
from tests.crash.filesystem import Filesystem, Loss, store
from tests.crash.operations import Operation, Report
from tests.crash.recorder import recording
from tests.crash.scenarios import Scenario


@dataclass(frozen=True)
class Double:
    """Where the update is cut first, and its recovery after that."""

    first: int
    """Before this operation of the update."""
    lost: Loss | None
    """What the first cut takes; None: only the program is killed."""
    online: bool
    """Whether the start after the first cut has a network."""
    second: Callable[[int], int]
    """From how many operations the recovery has, before which the power goes."""
    lost_then: Loss


def at_random(scenario: Scenario, seed: int, number: int) -> Double:
    """Return the double cut that the seed and the number name."""
    random: Random = chance(seed, scenario.name, "double", number)
    return Double(
        first=random.randint(0, len(scenario.operations)),
        lost=None if random.random() < 0.5 else random_loss(random),
        online=random.random() < 0.7,
        second=lambda operations: random.randint(0, operations),
        lost_then=random_loss(random),
    )


def found_after_two(scenario: Scenario, double: Double, new_home: Callable[[], Path]) -> Found:
    """Return what lies there after both cuts; raises AgentError when the start between them fails."""
    disk = Filesystem(scenario.before)
    for operation in scenario.operations[: double.first]:
        disk.perform(operation)
    earlier, disk.reports = (*scenario.reported, *disk.reports), []
    tree = disk.after(double.lost or losses.NOTHING)
    home = new_home()
    store(tree, home)
    second = _start(scenario, home, [*earlier], online=double.online)
    after = disk if double.lost is None else Filesystem(tree)
    for operation in second[: double.second(len(second))]:
        after.perform(operation)
    return Found(after.after(double.lost_then), (*earlier, *after.reports))


def _start(scenario: Scenario, home: Path, reports: list[Report], *, online: bool) -> list[Operation]:
    frame, operations = scenario.frame(home), list[Operation]()
    if not online:
        frame.assignment = ServerUnreachable("no network")
    try:
        with recording(home, operations):
            frame.boot(reports, operations)
    except ServerUnreachable:
        pass
    except AgentError as error:
        raise type(error)(f"in the start after the first cut: {error}") from error
    return operations

"""Every place where the power is cut once, in an order that does not change: a number and a seed name one of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from tests.crash import losses
from tests.crash import operations as ops
from tests.crash.filesystem import Filesystem, Loss, Tree
from tests.crash.operations import Operation


@dataclass(frozen=True)
class Recorded:
    """What a program did to a disk, from its beginning to its end."""

    name: str
    before: Tree
    operations: tuple[Operation, ...]
    reported: tuple[ops.Report, ...]
    """What the outbox held before."""

    def at_the_end(self) -> Tree:
        """Return the disk when the program is done."""
        disk = Filesystem(self.before)
        for operation in self.operations:
            disk.perform(operation)
        return disk.after(losses.NOTHING)

    def check_complete(self, real: Tree) -> None:
        """Raise AssertionError when something went past the recorder: ``real`` is the disk that is there."""
        ours = self.at_the_end()
        differing = sorted(path for path in {*ours, *real} if ours.get(path, "none") != real.get(path, "none"))
        assert not differing, f"{self.name}: changed past device_agent.system.disk: {', '.join(differing)}"


LOSSES = {
    "nothing": losses.NOTHING,
    "everything": losses.EVERYTHING,
    "content": losses.CONTENT,
    "names": losses.NAMES,
}
TEARS = {"torn": (0.5, False), "torn to zeros": (0.5, True), "all but torn": (0.99, False)}
"""Share of a write that arrived, and whether zeros stand for the rest."""


@dataclass(frozen=True)
class Cut:
    """The power goes before operation ``index`` (or in it, or after the last); ``loss`` says what is lost."""

    number: int
    index: int
    loss: str


@dataclass(frozen=True)
class Found:
    """What lies there when the power comes back."""

    tree: Tree
    reports: tuple[ops.Report, ...]


def cuts(scenario: Recorded, randoms: int) -> list[Cut]:
    """Return all cuts of an update; before each operation ``randoms`` of them lose what chance says."""
    found: list[Cut] = []
    for index in range(len(scenario.operations) + 1):
        names = [*LOSSES, *(f"chance {number}" for number in range(randoms))]
        if index < len(scenario.operations) and isinstance(scenario.operations[index], ops.Write):
            names += TEARS
        found += [Cut(len(found) + offset, index, name) for offset, name in enumerate(names)]
    return found


def found_after(scenario: Recorded, wanted: list[Cut], seed: int) -> Iterator[tuple[Cut, Found]]:
    """Yield what each of the cuts, which are in order, leaves behind."""
    disk, performed = Filesystem(scenario.before), 0
    for cut in wanted:
        for operation in scenario.operations[performed : cut.index]:
            disk.perform(operation)
        performed = cut.index
        yield cut, Found(_tree(scenario, disk, cut, seed), (*scenario.reported, *disk.reports))


def chance(seed: int, *where: object) -> Random:
    """Return the dice for one place, the same in every run."""
    return Random(" ".join(map(str, (seed, *where))))


def random_loss(random: Random) -> Loss:
    """Return one of the losses, or what chance says."""
    return random.choice((*LOSSES.values(), losses.chance(random)))


def _tree(scenario: Recorded, disk: Filesystem, cut: Cut, seed: int) -> Tree:
    if cut.loss in LOSSES:
        return disk.after(LOSSES[cut.loss])
    if cut.loss in TEARS:
        write = scenario.operations[cut.index]
        assert isinstance(write, ops.Write)
        share, zeros = TEARS[cut.loss]
        torn = disk.copy()
        torn.tear(write, share, zeros=zeros)
        return torn.after(losses.NOTHING)
    return disk.after(losses.chance(chance(seed, scenario.name, cut.index, cut.loss)))

"""Cuts the power at many places and gathers what went wrong."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from device_agent.errors import AgentError
from tests.crash.cuts import Cut, Found, found_after
from tests.crash.double import at_random, found_after_two
from tests.crash.judge import judge
from tests.crash.scenarios import Scenario, World


@dataclass
class Tally:
    """What a run of one kind of update found."""

    points: int = 0
    disks: int = 0
    """Different disks among them: equal ones are started once."""
    failures: list[str] = field(default_factory=list)

    def add(self, other: "Tally") -> None:
        """Add what another process found."""
        self.points += other.points
        self.disks += other.disks
        self.failures += other.failures


def cut_once(world: World, scenario: Scenario, wanted: list[Cut], seed: int) -> Tally:
    """Judge the frame after each of the cuts."""
    tally, seen, judged = Tally(), dict[bytes, str | None](), _judge_in(world, scenario)
    for cut, found in found_after(scenario, wanted, seed):
        name = f"--kind {scenario.name} --seed {seed} --point {cut.number}  # before {cut.index}, lost: {cut.loss}"
        _count(tally, seen, name, found, judged)
    return tally


def cut_twice(world: World, scenario: Scenario, numbers: Iterable[int], seed: int) -> Tally:
    """Judge the frame after two cuts, for each number."""
    tally, seen, judged = Tally(), dict[bytes, str | None](), _judge_in(world, scenario)
    for number in numbers:
        name = f"--kind {scenario.name} --seed {seed} --double {number}"
        try:
            found = found_after_two(scenario, at_random(scenario, seed, number), world.new_home)
        except AgentError as error:
            tally.points += 1
            tally.failures.append(f"{name}\n    {type(error).__name__}: {error}")
            continue
        finally:
            world.tidy()
        _count(tally, seen, name, found, judged)
    return tally


def _judge_in(world: World, scenario: Scenario) -> Callable[[Found], str | None]:
    def judged(found: Found) -> str | None:
        try:
            return judge(scenario, found, world.new_home)
        finally:
            world.tidy()

    return judged


def _count(
    tally: Tally, seen: dict[bytes, str | None], name: str, found: Found, judged: Callable[[Found], str | None]
) -> None:
    key = hashlib.sha256(repr((found.tree, found.reports)).encode()).digest()
    if key not in seen:
        seen[key] = judged(found)
    tally.points += 1
    tally.disks = len(seen)
    if seen[key] is not None:
        tally.failures.append(f"{name}\n    {seen[key]}")

"""What to do next with a firmware that was handed to the boot loader. Pure: the table is the whole truth.

| verdict | running | boot variables | next |
|---|---|---|---|
| go back | previous slot | any | report ``reverted`` |
| go back | new slot | any | give the previous slot back to the boot loader, restart |
| none | new slot, not tested | any | self-test |
| none | new slot, tested, too few heartbeats | any | listen |
| none | new slot, tested, heard | any | confirm, report ``kept`` |
| none | previous slot | new slot on trial, starts left | restart |
| none | previous slot | anything else | the boot loader fell back |
"""

from dataclasses import dataclass
from enum import StrEnum

from device_agent.update.firmware.boot import Variables, is_exhausted


class Next(StrEnum):
    """A step of a trial."""

    REVERT = "revert"
    LEAVE = "leave"
    TEST = "test"
    LISTEN = "listen"
    KEEP = "keep"
    RESTART = "restart"
    FELL_BACK = "fell back"


@dataclass(frozen=True)
class Trial:
    """A trial as the journal has it."""

    slot: str
    condemned: bool
    tested: bool


def next_step(trial: Trial, running: str | None, variables: Variables, heard: bool) -> Next:
    """Return what to do; ``heard`` says whether enough heartbeats of this start have reached the server."""
    if trial.condemned:
        return Next.LEAVE if running == trial.slot else Next.REVERT
    if running != trial.slot:
        on_trial = variables.slot == trial.slot and variables.upgrade_available
        return Next.RESTART if on_trial and not is_exhausted(variables) else Next.FELL_BACK
    if not trial.tested:
        return Next.TEST
    return Next.KEEP if heard else Next.LISTEN


def why_fell_back(trial: Trial, variables: Variables) -> str:
    """Return the reason in words."""
    if variables.slot == trial.slot and is_exhausted(variables):
        return f"slot {trial.slot} did not confirm itself in {variables.bootlimit} starts; the boot loader went back"
    return f"the boot loader did not start slot {trial.slot}; its variables name slot {variables.slot}"

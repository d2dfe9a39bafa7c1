"""What boot loader and agent tell each other, and what each makes of it. Pure.

The rules are U-Boot's (doc/api/bootcount.rst): while ``upgrade_available`` is set, each start is counted before it is
made; past ``bootlimit`` the other slot is started. The evidence stays until the agent has read it.
"""

import msgspec
from msgspec.structs import replace

SLOTS = ("a", "b")
MAX_STARTS = 3
"""Starts that a new slot gets to confirm itself."""


class Variables(msgspec.Struct, frozen=True, kw_only=True):
    """The boot loader's variables."""

    slot: str = SLOTS[0]
    """The slot to start."""
    upgrade_available: bool = False
    """Whether ``slot`` is new and has not confirmed itself."""
    bootcount: int = 0
    """Starts of ``slot`` since it was handed over."""
    bootlimit: int = MAX_STARTS


def other(slot: str) -> str:
    """Return the slot that this one is not."""
    return SLOTS[1] if slot == SLOTS[0] else SLOTS[0]


def is_exhausted(variables: Variables) -> bool:
    """Whether the new slot has used up its starts, so that the other one is started."""
    return variables.upgrade_available and variables.bootcount > variables.bootlimit


def start(variables: Variables) -> tuple[str, Variables]:
    """The boot loader's part: return the slot to start, and the variables to be written before it starts."""
    if not variables.upgrade_available:
        return variables.slot, variables
    if not is_exhausted(variables):
        variables = replace(variables, bootcount=variables.bootcount + 1)
    return (other(variables.slot) if is_exhausted(variables) else variables.slot), variables


def hand_over(variables: Variables, slot: str) -> Variables:
    """Let ``slot`` be started on trial; asked again, it neither forgets the starts it had nor gives more."""
    if variables.slot == slot and variables.upgrade_available:
        return variables
    return replace(variables, slot=slot, upgrade_available=True, bootcount=0)


def settle_on(variables: Variables, slot: str) -> Variables:
    """Let ``slot`` be started from now on: it has confirmed itself, or the trial of the other one is over."""
    return replace(variables, slot=slot, upgrade_available=False, bootcount=0)

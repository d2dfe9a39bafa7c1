"""The boot loader's rules and the trial's table, every case."""

import itertools

from device_agent.update.firmware import boot
from device_agent.update.firmware.boot import Variables
from device_agent.update.firmware.trial import Next, Trial, next_step


def test_a_slot_that_never_confirms_gets_its_starts_and_then_the_other_one_starts_for_ever():
    variables = boot.hand_over(Variables(slot="a"), "b")
    started = []
    for _ in range(boot.MAX_STARTS + 3):
        slot, variables = boot.start(variables)
        started.append(slot)
    assert started == ["b"] * boot.MAX_STARTS + ["a"] * 3
    assert boot.is_exhausted(variables)


def test_a_confirmed_slot_starts_without_being_counted():
    _, variables = boot.start(boot.hand_over(Variables(), "b"))
    variables = boot.settle_on(variables, "b")
    assert boot.start(variables) == ("b", variables)


def test_handing_over_again_gives_no_more_starts():
    _, variables = boot.start(boot.hand_over(Variables(), "b"))
    assert boot.hand_over(variables, "b") == variables


def test_the_old_slot_never_keeps_and_the_new_one_never_reverts():
    for condemned, tested, heard, available, count, slot in itertools.product(
        (False, True), (False, True), (False, True), (False, True), range(6), boot.SLOTS
    ):
        variables = Variables(slot=slot, upgrade_available=available, bootcount=count)
        trial = Trial("b", condemned, tested)
        old, new = next_step(trial, "a", variables, heard), next_step(trial, "b", variables, heard)
        assert old in (Next.REVERT, Next.RESTART, Next.FELL_BACK)
        assert new in (Next.LEAVE, Next.TEST, Next.LISTEN, Next.KEEP)
        assert (new is Next.KEEP) == (tested and heard and not condemned)
        assert (old is Next.RESTART) == (not condemned and slot == "b" and available and count <= boot.MAX_STARTS)

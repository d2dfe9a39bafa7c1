"""Transitions of an update. Pure: a journal and what happened give the next journal; nothing is touched.

The states and their arrows are ``frame_protocol.updates.TRANSITIONS``; docs/protocol.md says what is true in each.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from msgspec import UNSET
from msgspec.structs import replace

from device_agent.errors import UpdateFailed
from device_agent.update.checks import never_below
from device_agent.update.journal import CLOSED_KEPT, Journal, Move, Order, Place
from frame_protocol.updates import (
    FINAL,
    TRANSITIONS,
    Assignment,
    HealthFigures,
    Line,
    Release,
    UpdateReport,
    UpdateState,
)

MAX_TRIES = 3
"""Starts that a new version gets to pass its self-test before the frame goes back."""
MAX_WRONG_HASHES = 3
"""A whole file with a wrong hash may be a proxy's fault once; the third time the release is refused."""
MAX_REASON = 200


@dataclass(frozen=True)
class Moment:
    """Who reaches a state, and when."""

    frame: str
    boot: str
    at: float
    firmware_counter: int = 0
    """The counter that the firmware which runs carries; 0: none."""


@dataclass(frozen=True)
class FilledSlot:
    """The slot that a firmware was written to, the slot that ran then, and the counter that the container says."""

    slot: str
    previous: str
    counter: int


def accept(journal: Journal, assignment: Assignment, moment: Moment) -> Journal | None:
    """Return the journal with the order offered, or None when it is already being worked on or was closed before.

    An order that replaces one whose release is not yet installed refuses that one as superseded.
    """
    order = journal.order
    if assignment.order_id in journal.closed or (
        order and order.order_id == assignment.order_id and is_open(journal)
    ):
        return None
    if is_open(journal):
        if UpdateState.REFUSED not in TRANSITIONS[journal.state]:
            return None
        journal = refuse(journal, f"superseded by the order for {assignment.release}", moment)
    fresh = Order(order_id=assignment.order_id, release=assignment.release, line=assignment.line)
    runs = never_below(journal.kept_counters, moment.firmware_counter).get(Line.FIRMWARE, 0)
    told = HealthFigures(firmware_counter=runs or UNSET)
    return _reach(replace(journal, order=fresh), UpdateState.OFFERED, moment, health=told)


def downloading(journal: Journal, manifest: Release, moment: Moment) -> Journal:
    """The manifest is trusted and admitted."""
    return _reach(_with(journal, manifest=manifest), UpdateState.DOWNLOADING, moment)


def wrong_hash(journal: Journal, moment: Moment) -> Journal:
    """A whole artefact had the wrong hash: count it, and refuse the release at the last time."""
    count = _order(journal).wrong_hashes + 1
    journal = _with(journal, wrong_hashes=count)
    if count < MAX_WRONG_HASHES:
        return journal
    return refuse(journal, f"an artefact arrived {count} times with a hash that was not signed", moment)


def verified(journal: Journal, moment: Moment) -> Journal:
    """Every artefact is whole and its hash was compared."""
    return _reach(journal, UpdateState.VERIFIED, moment)


def installed(
    journal: Journal,
    moves: Mapping[Place, Move],
    weights_sha256: str | None,
    moment: Moment,
    firmware: FilledSlot | None = None,
) -> Journal:
    """Every slot of ``moves`` and of ``firmware`` is filled and synced; ``weights_sha256`` will be run with them."""
    journal = _with(journal, moves=dict(moves), weights_sha256=weights_sha256)
    if firmware is not None:
        journal = _with(
            journal,
            firmware_slot=firmware.slot,
            previous_firmware_slot=firmware.previous,
            firmware_counter=firmware.counter,
        )
    return _reach(journal, UpdateState.INSTALLED, moment)


def trying(journal: Journal, moment: Moment) -> Journal:
    """Every new version is active."""
    return _reach(journal, UpdateState.TRYING, moment)


def count_try(journal: Journal) -> Journal:
    """The new version starts; one start too many and it must go back."""
    order = _order(journal)
    if order.verdict:
        return journal
    if order.tries >= MAX_TRIES:
        return condemn(journal, f"the self-test did not end in {MAX_TRIES} starts")
    return _with(journal, tries=order.tries + 1)


def condemn(journal: Journal, reason: str) -> Journal:
    """The new version must go back, whatever happens from now on."""
    return _with(journal, verdict=reason[:MAX_REASON])


def tested(journal: Journal, health: HealthFigures) -> Journal:
    """The new firmware passed its self-test; its heartbeats are waited for."""
    return _with(journal, health=health)


def silent(journal: Journal, patience: int) -> Journal:
    """The server has too few heartbeats of the new firmware; after ``patience`` polls it must go back."""
    polls = _order(journal).silent_polls + 1
    journal = _with(journal, silent_polls=polls)
    if polls < patience:
        return journal
    return condemn(journal, f"its heartbeats did not reach the server in {polls} polls")


def kept(journal: Journal, health: HealthFigures, moment: Moment) -> Journal:
    """The new version passed its self-test: it is the frame's version now."""
    order = _order(journal)
    counter = order.manifest.counter if order.manifest else 0
    counters = _raised(journal.kept_counters, order.line, counter)
    if order.firmware_counter:
        counters = _raised(counters, Line.FIRMWARE, order.firmware_counter)
    journal = replace(journal, kept_counters=counters)
    return _reach(journal, UpdateState.KEPT, moment, health=health)


def reverted(journal: Journal, moment: Moment) -> Journal:
    """The previous version is active again."""
    return _reach(journal, UpdateState.REVERTED, moment, reason=_order(journal).verdict)


def refuse(journal: Journal, reason: str, moment: Moment) -> Journal:
    """The release was never installed and never will be by this order."""
    return _reach(journal, UpdateState.REFUSED, moment, reason=reason[:MAX_REASON])


def abandon(journal: Journal, reason: str, moment: Moment) -> Journal:
    """End an order that has not begun to be tried, for a reason of the frame's own."""
    if not is_open(journal):
        return journal
    if UpdateState.REFUSED in TRANSITIONS[journal.state]:
        return refuse(journal, reason, moment)
    return reverted(condemn(journal, reason), moment)


def forget(journal: Journal) -> Journal:
    """Begin anew, as a frame that never kept a release; orders that ended stay closed.

    The firmware in the slots is not taken back, so neither is its counter: an older one stays out.
    """
    still_runs = {line: counter for line, counter in journal.kept_counters.items() if line is Line.FIRMWARE}
    return replace(journal, state=UpdateState.IDLE, order=None, kept_counters=still_runs)


def sent(journal: Journal, report: UpdateReport) -> Journal:
    """The outbox has the report."""
    return replace(journal, unsent=tuple(other for other in journal.unsent if other != report))


def is_open(journal: Journal) -> bool:
    """Whether an order is being worked on."""
    return journal.state is not UpdateState.IDLE and journal.state not in FINAL


def needs_nobody(journal: Journal) -> bool:
    """Whether the order goes on although the director cannot be asked, or what it signed has expired since.

    What was verified is whole on the disk and was ordered and signed when it was: neither silence nor a clock
    that moved can take it back.
    """
    return journal.state is UpdateState.VERIFIED


def _raised(counters: dict[Line, int], line: Line, counter: int) -> dict[Line, int]:
    return {**counters, line: max(counter, counters.get(line, 0))}


def _reach(
    journal: Journal, state: UpdateState, moment: Moment, *, reason: str = "", health: HealthFigures | None = None
) -> Journal:
    """Move along an arrow and write the report of it into the same journal."""
    if state not in TRANSITIONS[journal.state]:
        allowed = ", ".join(sorted(TRANSITIONS[journal.state]))
        raise UpdateFailed(
            f"from {journal.state} an update goes to {allowed}, not to {state}; this is a fault of ours"
        )
    order = _order(journal)
    report = UpdateReport(
        frame=moment.frame,
        boot=moment.boot,
        at=moment.at,
        order_id=order.order_id,
        release=order.release,
        state=state,
        reason=reason,
        weights_sha256=order.weights_sha256,
        health=health or HealthFigures(),
    )
    closed = (*journal.closed, order.order_id)[-CLOSED_KEPT:] if state in FINAL else journal.closed
    return replace(journal, state=state, unsent=(*journal.unsent, report), closed=closed)


def _order(journal: Journal) -> Order:
    if journal.order is None:
        raise UpdateFailed(f"the journal is in state {journal.state} without an order; this is a fault of ours")
    return journal.order


def _with(journal: Journal, **changes: object) -> Journal:
    return replace(journal, order=replace(_order(journal), **changes))

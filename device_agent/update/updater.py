"""Carries an order from its offer to its end. Thin: ``machine`` decides, this file acts, and writes down what it did.

Every step may be cut at any instruction and is done again on the next start. The order of writes makes this so:

1. A state is journalled only after the disk is as docs/protocol.md says for that state.
2. Its report is in the same write (``unsent``): no state without a report, no report without a state.
3. A report is given to the outbox first and taken from ``unsent`` after. A cut in between gives the same report
   again, equal in every field; the outbox and the server know it by (order, state) and keep one.
4. What is seen at a start is made durable before anything is built on it: a start that was killed, and not cut,
   leaves changes that are there and would still be lost with the power.
5. Going back is decided in the journal (``verdict``) before the link is swapped: a cut cannot change the mind.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from msgspec import structs

from device_agent.errors import AgentError, ModelError, ServerUnreachable, StorageError, TrustError, UpdateFailed
from device_agent.system import files
from device_agent.update import checks, machine, offers
from device_agent.update import journal as journals
from device_agent.update.checks import Directed, FrameFacts
from device_agent.update.firmware.frame import Firmware
from device_agent.update.firmware.trial import Next, Trial
from device_agent.update.installers import ModelTools
from device_agent.update.journal import Journal, Order, Place
from device_agent.update.machine import FilledSlot, Moment
from device_agent.update.mirrors import Downloads
from device_agent.update.permission import DEEDS, Deed
from device_agent.update.places import Places
from device_agent.update.slots import Slots
from device_agent.update.trust.client import Target, TrustClient
from frame_protocol.updates import (
    ArtefactKind,
    HealthFigures,
    Release,
    UpdateReport,
    UpdateState,
)

BEFORE_INSTALL = frozenset({UpdateState.OFFERED, UpdateState.DOWNLOADING, UpdateState.VERIFIED})
"""States in which the server may still stop the order."""


@dataclass(frozen=True)
class Collaborators:
    """Everything outside this folder that an update touches."""

    assignment: Callable[[], Directed | None]
    """Ask the director; ServerUnreachable when nobody answers, TrustError when it is not the director."""
    trust: Callable[[], TrustClient]
    """A fresh trust client: one refresh each."""
    targets: Downloads
    tools: ModelTools
    report: Callable[[UpdateReport], None]
    """Put a report into the durable outbox, once for each (order, state)."""
    facts: Callable[[Journal], FrameFacts]
    moment: Callable[[], Moment]
    why_wait: Callable[[Deed], str | None] = lambda deed: None
    """Why the frame must not do this now, or None."""
    firmware: Firmware | None = None
    """None: this frame was not started from a slot, and installs no firmware."""


class Updater:
    """One frame's updates; the caller sees to it that only one runs on a home."""

    def __init__(self, directory: Path, slots: Mapping[Place, Slots], outside: Collaborators) -> None:
        self._journal_path = directory / "journal.json"
        self._downloads = directory / "downloads"
        self._places = Places(slots, outside.tools, directory / "work")
        self._outside = outside
        self._journal = journals.load(self._journal_path)
        self._directed: Directed | None = None
        self._waits = ""
        self._rests = ""
        self._needs_restart = False
        self._steps: dict[UpdateState, Callable[[Order], None]] = {
            UpdateState.OFFERED: self._consider,
            UpdateState.DOWNLOADING: self._download,
            UpdateState.VERIFIED: self._install,
            UpdateState.INSTALLED: self._activate,
            UpdateState.TRYING: self._try,
        }

    @property
    def journal(self) -> Journal:
        """What is on the disk."""
        return self._journal

    @property
    def waits(self) -> str:
        """Why the last poll stopped before the end of its order; empty when it did not."""
        return self._waits or self._rests

    @property
    def needs_restart(self) -> bool:
        """Whether the update goes on after a restart of the frame, from the slot that the boot loader now knows."""
        return self._needs_restart

    def recover(self) -> None:
        """Finish what a power cut left between the swap of the link and the verdict; needs no network."""
        files.settle(self._journal_path.parent)
        self._places.settle()
        if self._outside.firmware is not None:
            self._outside.firmware.settle()
        self._send_reports()
        while self._journal.state in (UpdateState.INSTALLED, UpdateState.TRYING) and not self._must_wait():
            self._step()

    def poll(self) -> Journal:
        """Ask the server once and carry an order as far as it goes; return the journal.

        An error leaves the state as it is, for the next poll to go on from.
        """
        self.recover()
        if not self._rests and self._may_go_on():
            while machine.is_open(self._journal) and not self._must_wait():
                self._step()
        if not machine.is_open(self._journal):
            files.remove_tree(self._downloads)
        return self._journal

    def reset(self, shipped: Path) -> Journal:
        """Go back to the model that the frame was shipped with, a tar, and to no song packs.

        What runs now stays until that model is tested.

        A power cut leaves the model of before or the shipped one; the reset is then asked for again.
        """
        self.recover()
        if self._journal.state is UpdateState.TRYING:
            raise UpdateFailed("a new firmware is being tried; ask for the reset when it is kept or reverted")
        self._write(machine.abandon(self._journal, "factory reset", self._now()))
        self._send_reports()
        moves = self._places.take_shipped(shipped)
        self._write(machine.forget(self._journal))
        self._places.reset(moves)
        files.remove_tree(self._downloads)
        return self._journal

    def _may_go_on(self) -> bool:
        """Ask for the assignment; an order that the server no longer names rests where it is."""
        try:
            self._directed = self._outside.assignment()
        except (ServerUnreachable, TrustError):
            if machine.needs_nobody(self._journal):
                return True
            raise
        if self._directed is None:
            return False
        assignment = self._directed.assignment
        accepted = machine.accept(self._journal, assignment, self._outside.moment())
        if accepted is not None:
            self._write(accepted)
            return True
        order = self._journal.order
        return order is not None and order.order_id == assignment.order_id

    def _must_wait(self) -> bool:
        """Ask whether the next step may be done now; the state stays, and the next poll asks again."""
        if self._rests:
            return True
        deed = None if self._has_begun_to_activate() else DEEDS.get(self._journal.state)
        self._waits = (deed and self._outside.why_wait(deed)) or ""
        return bool(self._waits)

    def _has_begun_to_activate(self) -> bool:
        """Whether a start that was cut has swapped a link: half of a release, or an untested one, must not wait."""
        order = self._journal.order
        installed = self._journal.state is UpdateState.INSTALLED
        return order is not None and installed and self._places.have_begun(order.moves)

    def _step(self) -> None:
        order = self._journal.order
        if order is None:
            raise UpdateFailed("the journal has a state without an order; this is a fault of ours")
        self._steps[self._journal.state](order)
        self._send_reports()

    def _consider(self, order: Order) -> None:
        """offered -> downloading | refused: do director and image repository agree, and is it for this frame?"""
        if self._directed is None:
            raise UpdateFailed("an order is considered that nobody gave; this is a fault of ours")
        trust = self._outside.trust()
        trust.refresh()
        facts = self._outside.facts(self._journal)
        try:
            release = offers.read(order, self._directed, trust, self._bring, facts)
        except UpdateFailed as error:
            self._write(machine.refuse(self._journal, str(error), self._now()))
        else:
            self._write(machine.downloading(self._journal, release, self._now()))

    def _download(self, order: Order) -> None:
        """downloading -> verified | refused: every artefact whole, its hash compared."""
        if self._fetch(order):
            self._write(machine.verified(self._journal, self._now()))

    def _fetch(self, order: Order) -> bool:
        """Complete every artefact; False when the release was refused for a hash that came wrong too often."""
        for artefact in _manifest(order).artefacts:
            try:
                self._bring(Target(artefact.path, artefact.length, artefact.sha256))
            except TrustError:
                self._write(machine.wrong_hash(self._journal, self._now()))
                if machine.is_open(self._journal):
                    raise
                return False
        return True

    def _bring(self, target: Target) -> Path:
        path = self._downloads / target.sha256
        self._outside.targets.download(target.stored_name, path, target.length, target.sha256)
        return path

    def _install(self, order: Order) -> None:
        """verified -> installed | refused: the spare slots filled and synced, the integer weights compared."""
        if not self._fetch(order):  # an order may have rested here for months; a file that suffered is fetched anew
            return
        release = _manifest(order)
        try:
            firmware = self._install_firmware(release)
            moves, weights = self._places.install(
                release, self._downloads, self._outside.facts(self._journal).active_weights_sha256
            )
        except (ModelError, UpdateFailed) as error:
            self._write(machine.refuse(self._journal, str(error), self._now()))
            return
        self._write(machine.installed(self._journal, moves, weights, self._now(), firmware))

    def _install_firmware(self, release: Release) -> FilledSlot | None:
        """Fill the slot that does not run, with an image that carries the counter it should."""
        images = [artefact.sha256 for artefact in release.artefacts if artefact.kind is ArtefactKind.FIRMWARE]
        if not images:
            return None
        firmware = self._firmware()
        image = self._downloads / images[0]
        carried = firmware.carried(image)
        if reason := checks.other_firmware(release, carried, self._outside.facts(self._journal).kept_counters):
            raise UpdateFailed(reason)
        return FilledSlot(firmware.install(image), firmware.running, carried)

    def _activate(self, order: Order) -> None:
        """installed -> trying: swap the links, or tell the boot loader; a new firmware brings its model along."""
        if order.firmware_slot is not None:
            self._firmware().hand_over(order.firmware_slot)
        else:
            self._places.swap(order.moves)
        self._write(machine.trying(self._journal, self._now()))

    def _try(self, order: Order) -> None:
        """trying -> kept | reverted: each start counts, the self-test decides."""
        if order.firmware_slot is not None:
            self._try_firmware(order, Trial(order.firmware_slot, bool(order.verdict), order.health is not None))
            return
        self._write(machine.count_try(self._journal))
        order = self._journal.order or order
        if order.verdict:
            self._go_back(order)
        elif (health := self._test(order)) is not None:
            self._write(machine.kept(self._journal, health, self._now()))

    def _try_firmware(self, order: Order, trial: Trial) -> None:
        """trying -> kept | reverted, across restarts: ``trial`` has the table."""
        firmware = self._firmware()
        match firmware.next_step(trial):
            case Next.TEST:
                self._write(machine.count_try(self._journal))
                if reason := self._another_firmware(order, firmware):
                    self._write(machine.condemn(self._journal, reason))
                elif not (self._journal.order or order).verdict and (health := self._test(order)) is not None:
                    self._write(machine.tested(self._journal, structs.replace(health, firmware=firmware.version)))
            case Next.LISTEN:
                self._write(machine.silent(self._journal, firmware.silent_polls))
                self._rests = "the server does not have the first heartbeats of the new firmware yet"
            case Next.KEEP:
                firmware.settle_on(order.firmware_slot)
                self._write(machine.kept(self._journal, order.health or HealthFigures(), self._now()))
            case Next.FELL_BACK:
                self._write(machine.condemn(self._journal, firmware.why_fell_back(trial)))
            case Next.REVERT:
                firmware.settle_on(order.previous_firmware_slot)
                self._go_back(order)
            case Next.LEAVE:
                firmware.settle_on(order.previous_firmware_slot)
                self._restart(order.previous_firmware_slot)
            case Next.RESTART:
                self._restart(order.firmware_slot)

    def _another_firmware(self, order: Order, firmware: Firmware) -> str | None:
        """Compare the counter of the image that started with what was installed."""
        if order.firmware_counter is None:  # by an agent that did not look
            return checks.other_firmware(_manifest(order), firmware.counter, self._journal.kept_counters)
        return checks.another_firmware(order.firmware_counter, firmware.counter)

    def _test(self, order: Order) -> HealthFigures | None:
        """Activate and test the new version; None, and a verdict in the journal, when it does not pass."""
        self._places.swap(order.moves)
        try:
            return self._places.self_test(order.moves, with_model=order.firmware_slot is not None)
        except StorageError:
            raise
        except AgentError as error:
            self._write(machine.condemn(self._journal, f"self-test: {error}"))
            return None

    def _go_back(self, order: Order) -> None:
        self._places.go_back(order.moves)
        self._write(machine.reverted(self._journal, self._now()))

    def _restart(self, slot: str | None) -> None:
        self._needs_restart = True
        self._rests = f"a restart into slot {slot}"

    def _firmware(self) -> Firmware:
        if self._outside.firmware is None:
            raise UpdateFailed(
                "an order holds firmware, and this frame was not started from a slot; see docs/firmware.md"
            )
        return self._outside.firmware

    def _write(self, journal: Journal) -> None:
        if journal != self._journal:
            journals.save(self._journal_path, journal)
            self._journal = journal

    def _send_reports(self) -> None:
        for report in self._journal.unsent:
            self._outside.report(report)
            self._write(machine.sent(self._journal, report))

    def _now(self) -> Moment:
        return self._outside.moment()


def _manifest(order: Order) -> Release:
    if order.manifest is None:
        raise UpdateFailed("the journal has an order without its manifest; this is a fault of ours")
    return order.manifest

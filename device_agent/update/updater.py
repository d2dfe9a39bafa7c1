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

from device_agent.errors import AgentError, ModelError, ServerUnreachable, StorageError, TrustError, UpdateFailed
from device_agent.system import files
from device_agent.update import journal as journals
from device_agent.update import machine
from device_agent.update.checks import Directed, FrameFacts, SignedFile, why_not
from device_agent.update.installers import ModelTools
from device_agent.update.journal import Journal, Order, Place
from device_agent.update.machine import Moment
from device_agent.update.mirrors import Downloads
from device_agent.update.permission import DEEDS, Deed
from device_agent.update.places import Places
from device_agent.update.slots import Slots
from device_agent.update.trust.client import Target, TrustClient
from frame_protocol.codec import decode
from frame_protocol.errors import ProtocolError
from frame_protocol.updates import (
    Release,
    UpdateReport,
    UpdateState,
    manifest_path,
)

MAX_MANIFEST_BYTES = 64 * 1024

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
        return self._waits

    def recover(self) -> None:
        """Finish what a power cut left between the swap of the link and the verdict; needs no network."""
        files.settle(self._journal_path.parent)
        self._places.settle()
        self._send_reports()
        while self._journal.state in (UpdateState.INSTALLED, UpdateState.TRYING) and not self._must_wait():
            self._step()

    def poll(self) -> Journal:
        """Ask the server once and carry an order as far as it goes; return the journal.

        An error leaves the state as it is, for the next poll to go on from.
        """
        self.recover()
        if self._may_go_on():
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
        path = manifest_path(order.line, order.release)
        target = trust.target(path)
        if target is None:
            self._write(machine.refuse(self._journal, f"{path} is not signed by the offline keys", self._now()))
            return
        try:
            release = self._read_manifest(target)
        except UpdateFailed as error:
            self._write(machine.refuse(self._journal, str(error), self._now()))
            return
        signed = {artefact.path: _signed(trust.target(artefact.path)) for artefact in release.artefacts}
        signed[path] = _signed(target)
        reason = why_not(release, self._directed, signed, self._outside.facts(self._journal))
        if reason is None:
            self._write(machine.downloading(self._journal, release, self._now()))
        else:
            self._write(machine.refuse(self._journal, reason, self._now()))

    def _read_manifest(self, target: Target) -> Release:
        if target.length > MAX_MANIFEST_BYTES:
            raise UpdateFailed(f"{target.path}: {target.length} bytes, at most {MAX_MANIFEST_BYTES} are read")
        path = self._downloads / target.sha256
        self._outside.targets.download(target.stored_name, path, target.length, target.sha256)
        try:
            return decode(path.read_bytes(), Release)
        except ProtocolError as error:
            raise UpdateFailed(f"{target.path} is signed, but is no release manifest: {error}") from error

    def _download(self, order: Order) -> None:
        """downloading -> verified | refused: every artefact whole, its hash compared."""
        if self._fetch(order):
            self._write(machine.verified(self._journal, self._now()))

    def _fetch(self, order: Order) -> bool:
        """Complete every artefact; False when the release was refused for a hash that came wrong too often."""
        for artefact in _manifest(order).artefacts:
            target = Target(artefact.path, artefact.length, artefact.sha256)
            try:
                self._outside.targets.download(
                    target.stored_name, self._downloads / artefact.sha256, artefact.length, artefact.sha256
                )
            except TrustError:
                self._write(machine.wrong_hash(self._journal, self._now()))
                if machine.is_open(self._journal):
                    raise
                return False
        return True

    def _install(self, order: Order) -> None:
        """verified -> installed | refused: the spare slots filled and synced, the integer weights compared."""
        if not self._fetch(order):  # an order may have rested here for months; a file that suffered is fetched anew
            return
        try:
            moves, weights = self._places.install(
                _manifest(order), self._downloads, self._outside.facts(self._journal).active_weights_sha256
            )
        except (ModelError, UpdateFailed) as error:
            self._write(machine.refuse(self._journal, str(error), self._now()))
            return
        self._write(machine.installed(self._journal, moves, weights, self._now()))

    def _activate(self, order: Order) -> None:
        """installed -> trying: swap the links."""
        self._places.swap(order.moves)
        self._write(machine.trying(self._journal, self._now()))

    def _try(self, order: Order) -> None:
        """trying -> kept | reverted: each start counts, the self-test decides."""
        self._write(machine.count_try(self._journal))
        order = self._journal.order or order
        if order.verdict:
            self._go_back(order)
            return
        self._places.swap(order.moves)
        try:
            health = self._places.self_test(order.moves)
        except StorageError:
            raise
        except AgentError as error:
            self._write(machine.condemn(self._journal, f"self-test: {error}"))
            return
        self._write(machine.kept(self._journal, health, self._now()))

    def _go_back(self, order: Order) -> None:
        self._places.go_back(order.moves)
        self._write(machine.reverted(self._journal, self._now()))

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


def _signed(target: Target | None) -> SignedFile | None:
    return SignedFile(target.length, target.sha256) if target else None


def _manifest(order: Order) -> Release:
    if order.manifest is None:
        raise UpdateFailed("the journal has an order without its manifest; this is a fault of ours")
    return order.manifest

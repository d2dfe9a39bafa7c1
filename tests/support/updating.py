"""A frame that updates for a test: the real updater, trust client, fetcher, outbox and disk."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import httpx
from msgspec import structs

from device_agent.engine import archive, package
from device_agent.errors import ModelError
from device_agent.system import active_model
from device_agent.telemetry.outbox import Outbox
from device_agent.update import checks
from device_agent.update import journal as journals
from device_agent.update.checks import Directed, FrameFacts
from device_agent.update.fetch import Fetcher, Limits
from device_agent.update.firmware.frame import Firmware
from device_agent.update.installers import ModelTools, installers
from device_agent.update.journal import Place
from device_agent.update.machine import Moment
from device_agent.update.mirrors import Mirrored
from device_agent.update.permission import Deed
from device_agent.update.retry import RetryPolicy
from device_agent.update.slots import Slots
from device_agent.update.trust.client import TrustClient
from device_agent.update.trust.store import MetadataStore
from device_agent.update.updater import Collaborators, Updater
from frame_protocol.model_package import DeltaManifest
from frame_protocol.telemetry import UpdateEvent
from frame_protocol.updates import ArtefactKind, Assignment, HealthFigures, Line, UpdateReport

FRAME = "frame-ab12"
HARDWARE = "lf-1"
HEALTH = HealthFigures(token_agreement=1.0, fps=30.0)


def order(number: int, release: str, frame: str = FRAME, line: Line = Line.MODELS) -> Assignment:
    """Return the assignment of a release under the order of that number."""
    return Assignment(frame=frame, order_id=f"00000000-0000-0000-0000-{number:012d}", release=release, line=line)


class Same:
    """Equal to whatever it is compared with."""

    __hash__ = None

    def __eq__(self, other: object) -> bool:
        return True


class AsSigned(dict):
    """Says of every file what the image repository says."""

    def get(self, path: str, default: object = None) -> object:
        return Same()


def directed_as_signed(assignment: Assignment) -> Directed:
    """Return the word of a director that agrees with the image repository, whatever that says."""
    return Directed(structs.replace(assignment, hardware=HARDWARE, counter=Same()), AsSigned())


class UpdatingFrame:
    """One home; each ``poll`` is a start of the program from what lies on the disk."""

    def __init__(self, home: Path, url: str, root: bytes) -> None:
        self.home = home
        self.models = home / "models"
        self.assignment: Assignment | Exception | None = None
        self.self_test: Callable[[Path], HealthFigures] = lambda directory: HEALTH
        self.now = lambda: datetime.now(UTC)
        self.why_wait: Callable[[Deed], str | None] = lambda deed: None
        self.firmware: Firmware | None = None
        self.mirrors: list[str] = []
        """Base addresses that are asked before the server."""
        self._url = url
        self._root = root

    def poll(self) -> journals.Journal:
        """Start, poll once, end."""
        outbox = Outbox(self.home / "outbox.sqlite")
        try:
            with httpx.Client() as http:
                return self.start(http, outbox).poll()
        finally:
            outbox.close()

    def reset(self, shipped: Path) -> journals.Journal:
        """Start, and go back to the shipped model."""
        outbox = Outbox(self.home / "outbox.sqlite")
        try:
            with httpx.Client() as http:
                return self.start(http, outbox).reset(shipped)
        finally:
            outbox.close()

    def ask(self) -> Directed | None:
        """Ask the director, which agrees with the image repository."""
        if isinstance(self.assignment, Exception):
            raise self.assignment
        return directed_as_signed(self.assignment) if self.assignment else None

    def reports(self) -> list[tuple[str, str]]:
        """Return (release, state) of everything in the outbox, in order."""
        outbox = Outbox(self.home / "outbox.sqlite")
        try:
            events = [pending.message(FRAME).event for pending in outbox.unacknowledged(1000)]
        finally:
            outbox.close()
        return [(event.report.release, event.report.state.value) for event in events]

    def reasons(self) -> list[str]:
        """Return the reasons of the reports, in order."""
        outbox = Outbox(self.home / "outbox.sqlite")
        try:
            events = [pending.message(FRAME).event for pending in outbox.unacknowledged(1000)]
        finally:
            outbox.close()
        return [event.report.reason for event in events if event.report.reason]

    def told(self) -> list[UpdateReport]:
        """Return every report in the outbox, in order."""
        outbox = Outbox(self.home / "outbox.sqlite")
        try:
            return [pending.message(FRAME).event.report for pending in outbox.unacknowledged(1000)]
        finally:
            outbox.close()

    def active_weights(self) -> str | None:
        """Return what the frame renders with; every file of it was compared with its manifest."""
        link = self.models / "active"
        if not link.exists():
            return None
        return package.verify(link.resolve()).weights_sha256

    def journal(self) -> journals.Journal:
        """Return the journal as it lies on the disk."""
        return journals.load(self.home / "update" / "journal.json")

    def _targets(self, http: httpx.Client, policy: RetryPolicy) -> Mirrored:
        """Return the downloads: from ``mirrors`` first."""
        impatient = Limits(min_bytes_per_second=50_000, rate_window_seconds=0.3)
        found = Mirrored(
            Fetcher(http, f"{self._url}/tuf/targets", policy=policy),
            lambda address: Fetcher(
                http, address, policy=RetryPolicy(attempts=2, base_seconds=0.0), limits=impatient
            ),
        )
        found.use(self.mirrors)
        return found

    def start(self, http: httpx.Client, outbox: Outbox) -> Updater:
        """Put the updater together from what lies on the disk."""
        policy = RetryPolicy(attempts=2, base_seconds=0.0)
        tools = ModelTools(
            unpack=package.unpack,
            unpack_delta=lambda source, directory: archive.extract(source, directory, DeltaManifest),
            verify=package.verify,
            self_test=self.self_test,
        )

        def trust() -> TrustClient:
            source = Fetcher(http, f"{self._url}/tuf/metadata", policy=policy)
            return TrustClient(MetadataStore(self.home / "update" / "trust"), source, self._root, now=self.now)

        runs = self.firmware.counter if self.firmware else 0

        def facts(journal: journals.Journal) -> FrameFacts:
            model = active_model.read(self.models / "active")
            weights = model.weights_sha256 if model else None
            kinds = frozenset(installers(tools)) | ({ArtefactKind.FIRMWARE} if self.firmware else frozenset())
            counters = checks.never_below(journal.kept_counters, runs)
            return FrameFacts(FRAME, HARDWARE, weights, 1000.0, counters, kinds)

        return Updater(
            self.home / "update",
            {Place.MODEL: Slots(self.models), Place.CONTENT: Slots(self.home / "content")},
            Collaborators(
                assignment=self.ask,
                trust=trust,
                targets=self._targets(http, policy),
                tools=tools,
                report=lambda report: (
                    outbox.append(
                        UpdateEvent(report=report, signature=""), key=f"update/{report.order_id}/{report.state}"
                    )
                    and None
                ),
                facts=facts,
                moment=lambda: Moment(FRAME, outbox.current_boot(), 1.0, runs),
                why_wait=self.why_wait,
                firmware=self.firmware,
            ),
        )


def failing(directory: Path) -> HealthFigures:
    """A self-test that does not pass."""
    raise ModelError(f"{directory.name} does not speak")

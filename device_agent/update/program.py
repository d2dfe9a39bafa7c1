"""Puts an updater together for one home; holds the lock under which only one works there."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx

from device_agent.errors import TrustError
from device_agent.reporting import Reporter
from device_agent.system import active_model, clock, firmware, lock, sensors, tls
from device_agent.system.files import make_directory
from device_agent.system.home import Home
from device_agent.system.http import DeviceHttp
from device_agent.system.identity import Identity
from device_agent.update import assignment, checks, window
from device_agent.update.checks import Directed, FrameFacts
from device_agent.update.fetch import Fetcher
from device_agent.update.firmware import settings
from device_agent.update.firmware.frame import Firmware, FirmwareInstaller
from device_agent.update.firmware.rauc import Rauc
from device_agent.update.firmware.settings import Settings
from device_agent.update.firmware.swupdate import SWUpdate
from device_agent.update.firmware.variables import VariablesFile
from device_agent.update.installers import ModelTools, installers
from device_agent.update.journal import Journal, Place
from device_agent.update.machine import Moment
from device_agent.update.mirrors import MIRROR_LIMITS, MIRROR_POLICY, Mirrored
from device_agent.update.permission import Use, may
from device_agent.update.slots import Slots
from device_agent.update.trust.client import MetadataSource, TrustClient
from device_agent.update.trust.store import MetadataStore
from device_agent.update.updater import Collaborators, Updater
from frame_protocol import codec
from frame_protocol.telemetry import UpdateEvent
from frame_protocol.updates import ArtefactKind, UpdateReport

FACTORY_ROOT = Path("/etc/liveframe/root.json")
"""Where the factory puts the root of the update metadata."""
FACTORY_DIRECTOR_ROOT = FACTORY_ROOT.with_name("director-root.json")
"""Where the factory puts the director's root."""
MEGABYTE = 1_000_000

Observer = Callable[[UpdateReport], None]


def journal_path(home: Home) -> Path:
    """Return where the journal of updates lies."""
    return home.update / "journal.json"


@contextmanager
def updater(
    home: Home, who: Identity, reporter: Reporter, tools: ModelTools, observe: Observer = lambda report: None
) -> Iterator[Updater]:
    """Return the updater of an enrolled frame; ``observe`` sees each report after it is in the outbox."""
    home.prepare()
    make_directory(home.update)
    context = tls.for_identity(who, home)
    with (
        lock.exclusive(home.update / "lock", purpose="update"),
        DeviceHttp(who.server, context) as device,
        httpx.Client(verify=context, trust_env=False, follow_redirects=False) as files,
        ExitStack() as stack,
    ):
        firmware_of_frame = frame_firmware(home, who, reporter)
        kinds = frozenset(installers(tools)) | ({ArtefactKind.FIRMWARE} if firmware_of_frame else set())

        def report(value: UpdateReport) -> None:
            event = UpdateEvent(report=value, signature=who.sign(codec.canonical(value)))
            reporter.report(event, key=f"update/{value.order_id}/{value.state}")
            observe(value)

        floor = _floor(home)
        roots = Fetcher(files, f"{who.server}/tuf/director")

        def trust() -> TrustClient:
            return trust_client(home, Fetcher(files, f"{who.server}/tuf/metadata"))

        def director(source: MetadataSource) -> TrustClient:
            root = factory_root(home.director_root, FACTORY_DIRECTOR_ROOT)
            return TrustClient(MetadataStore(home.update / "director"), source, root, not_before=floor)

        def mirror(address: str) -> Fetcher:
            client = stack.enter_context(httpx.Client(trust_env=False, follow_redirects=False))
            return Fetcher(client, address, limits=MIRROR_LIMITS, policy=MIRROR_POLICY)

        targets = Mirrored(Fetcher(files, f"{who.server}/tuf/targets"), mirror)

        def ask() -> Directed | None:
            directed = assignment.ask(device.get_unless_nothing, roots, director, who.frame_id)
            targets.use(directed.assignment.mirrors if directed else ())
            return directed

        yield Updater(
            home.update,
            {Place.MODEL: Slots(home.models), Place.CONTENT: Slots(home.content)},
            Collaborators(
                assignment=ask,
                trust=trust,
                targets=targets,
                tools=tools,
                report=report,
                facts=lambda journal: frame_facts(home, who, journal, kinds),
                moment=lambda: Moment(who.frame_id, reporter.boot(), clock.wall(), firmware.facts().counter),
                why_wait=lambda deed: may(deed, frame_use(home, who), window.load(home.update_window)),
                firmware=firmware_of_frame,
            ),
        )


def trust_client(home: Home, source: MetadataSource) -> TrustClient:
    """Return a client of the image repository; the caller holds the update lock."""
    root = factory_root(home.trust_root, FACTORY_ROOT)
    return TrustClient(MetadataStore(home.update / "trust"), source, root, not_before=_floor(home))


def _floor(home: Home) -> datetime:
    return datetime.fromtimestamp(clock.read_floor(home.clock_floor), UTC)


def frame_firmware(home: Home, who: Identity, reporter: Reporter) -> Firmware | None:
    """Return the firmware of a frame that was started from a slot and has settings for it."""
    slot, chosen = firmware.slot(), settings.load(home.firmware / "settings.json")
    if slot is None or chosen is None:
        return None
    return Firmware(
        running=slot,
        version=firmware.facts().version,
        counter=firmware.facts().counter,
        variables=VariablesFile(home.firmware / "boot.json"),
        installer=firmware_installer(home, chosen, who.record.hardware),
        heartbeats=reporter.acknowledged,
        enough_heartbeats=chosen.heartbeats,
        silent_polls=chosen.silent_polls,
        directory=home.firmware,
    )


def firmware_installer(home: Home, chosen: Settings, hardware: str) -> FirmwareInstaller:
    """Return the program that this model of frame fills a slot with."""
    return Rauc(home.firmware, chosen) if chosen.installer == "rauc" else SWUpdate(home.firmware, chosen, hardware)


def frame_use(home: Home, who: Identity) -> Use:
    """Return what the frame is doing now."""
    now = clock.wall()
    is_set = clock.is_plausible(now, clock.read_floor(home.clock_floor))
    return Use(
        battery_percent=sensors.battery_percent(),
        powered=sensors.powered(),
        playing=lock.is_held(home.playing_lock),
        local=clock.local(now, who.record.timezone) if is_set else None,
    )


def frame_facts(home: Home, who: Identity, journal: Journal, kinds: frozenset[ArtefactKind]) -> FrameFacts:
    """Return what a release may ask about this frame."""
    model = active_model.read(active_model.folder(home))
    return FrameFacts(
        frame_id=who.frame_id,
        hardware=who.record.hardware,
        active_weights_sha256=model.weights_sha256 if model else None,
        free_storage_mb=shutil.disk_usage(home.root).free / MEGABYTE,
        kept_counters=checks.never_below(journal.kept_counters, firmware.facts().counter),
        installable=kinds,
    )


def factory_root(given: Path, factory: Path) -> bytes:
    """Return a root that updates are judged by: the one given at enrolment, else the factory's."""
    for path in (given, factory):
        if path.is_file():
            return path.read_bytes()
    raise TrustError(
        f"no trusted root: expected {factory} from the factory, or enrol with --trust-root root.json; "
        "nothing is installed without it"
    )

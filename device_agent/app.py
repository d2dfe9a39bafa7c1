"""The composition root: puts the parts of the agent together and runs them until it is told to stop.

Every part is a worker of its own. An error in one is logged and tried again later; the others do not notice.
"""

import math
import os
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

import structlog

from device_agent.complaints.spool import Spool
from device_agent.complaints.upload import upload_all
from device_agent.errors import RESTART_NEEDED, StorageError, UpdateFailed
from device_agent.system import active_model, clock, firmware, identity, lock, notify, sensors
from device_agent.system.home import HOME_VARIABLE, Home
from device_agent.system.identity import Identity
from device_agent.system.worker import Rhythm, Worker
from device_agent.telemetry.outbox import Outbox
from device_agent.telemetry.service import TelemetryService
from frame_protocol.telemetry import CommandKind, Fault

STOP_SECONDS = 10.0
"""How long a worker gets to end its turn; what it leaves unfinished is finished at the next start."""
CHECK_SECONDS = 1.0
UPDATE_SECONDS = 4 * 3600.0
"""The longest an update may work in one go; it goes on at the next poll."""
POLL_JITTER = 0.25
COMPLAINT_SECONDS = 60.0
IDENTITY_SECONDS = 6 * 3600.0
"""How often the frame asks whether people rotated the fleet CA, and looks at the age of its certificate."""
MISTRUST_PAUSE_SECONDS = 900.0
"""A broker that is not believed makes the frame ask at once, but not more often than this."""
WATCHDOG_MARGIN = 3.0
"""The agent speaks this many times in the interval that systemd allows."""


@dataclass(frozen=True)
class Rhythms:
    """How often the recurring work is done, in seconds."""

    health: float = 60.0
    update_poll: float = 300.0
    complaints: float = COMPLAINT_SECONDS
    identity: float = IDENTITY_SECONDS


def run(home: Home, rhythms: Rhythms) -> int:
    """Run the agent until SIGTERM or SIGINT; return the exit code."""
    who = identity.load(home)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    wanted = threading.Event()
    signal.signal(signal.SIGUSR1, lambda *_: wanted.set())  # before the lock, by which others find this process
    with lock.exclusive(home.agent_lock, purpose="run"):
        outbox = Outbox(home.outbox)
        outbox.check()
        agent = Agent(home, who, outbox, rhythms)
        agent.start()
        notify.send(notify.READY)
        agent.watch(stop, wanted)
        notify.send(notify.STOPPING)
        agent.stop()
        outbox.close()
    return RESTART_NEEDED if agent.needs_restart else 0


class Agent:
    """The workers of an enrolled frame."""

    def __init__(self, home: Home, who: Identity, outbox: Outbox, rhythms: Rhythms) -> None:
        self._home = home
        self._who = who
        self._outbox = outbox
        self._spool = Spool(home)
        self._log = structlog.get_logger("agent").bind(frame=who.frame_id)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._stop_link = threading.Event()
        self._restart = threading.Event()
        self._telemetry = TelemetryService(
            outbox, who, home, boot=outbox.begin_boot(), on_command=self.command, on_mistrust=self.mistrusted
        )
        self._update = Worker("update", self._poll_update, Rhythm(rhythms.update_poll, POLL_JITTER))
        self._identity = Worker("identity", self._look_after_identity, Rhythm(rhythms.identity, POLL_JITTER))
        self._mistrusted_at = -math.inf
        self._workers = [
            Worker("telemetry", self._serve_link, Rhythm(CHECK_SECONDS)),
            Worker("health", self._report_health, Rhythm(rhythms.health)),
            Worker("complaints", self._send_complaints, Rhythm(rhythms.complaints, POLL_JITTER)),
            self._identity,
            self._update,
        ]

    @property
    def needs_restart(self) -> bool:
        """Whether the frame must restart, from the firmware slot that the boot loader now knows."""
        return self._restart.is_set()

    def start(self) -> None:
        """Start every worker."""
        self._log.info("agent_started", version=agent_version(), firmware=firmware.facts().version)
        for worker in self._workers:
            worker.start()

    def watch(self, stop: threading.Event, wanted: threading.Event) -> None:
        """Wait for ``stop``, tell systemd that every worker is alive, and pass a wish to publish now on."""
        patience = notify.watchdog_seconds()
        pause = min(CHECK_SECONDS, patience / WATCHDOG_MARGIN) if patience else CHECK_SECONDS
        while not stop.wait(pause) and not self.needs_restart:
            if wanted.is_set():
                wanted.clear()
                self._telemetry.publish_now()
            if all(worker.is_alive() for worker in self._workers):
                notify.send(notify.WATCHDOG)

    def stop(self) -> None:
        """End every worker; what is on the disk says where each goes on."""
        self._stop_link.set()
        for worker in self._workers:
            worker.stop()
        for process in list(self._processes.values()):
            process.terminate()
        late = [worker.name for worker in self._workers if not worker.join(STOP_SECONDS)]
        self._log.info("agent_stopped", late=late)

    def command(self, kind: CommandKind) -> None:
        """Follow a hint of the server."""
        self._log.info("command_received", kind=kind.value)
        if kind is CommandKind.CHECK_UPDATE:
            self._update.wake()

    def mistrusted(self) -> None:
        """Ask for the fleet CA now: it may have been rotated while this frame slept."""
        now = clock.monotonic()
        if now - self._mistrusted_at >= MISTRUST_PAUSE_SECONDS:
            self._mistrusted_at = now
            self._identity.wake()

    def _serve_link(self) -> None:
        self._telemetry.run(self._stop_link)

    def _report_health(self) -> None:
        model = active_model.read(active_model.folder(self._home))
        clock.raise_floor(self._home.clock_floor, clock.wall())
        self._outbox.append(
            sensors.sample(
                self._home.root,
                agent_version=agent_version(),
                model_id=model.model_id if model else "",
                weights_sha256=model.weights_sha256 if model else None,
            )
        )

    def _send_complaints(self) -> None:
        try:
            sent = upload_all(self._home, self._who, self._spool)
        except lock.AlreadyRunning:
            return  # the command ``complain`` is sending them
        if sent:
            self._log.info("complaints_sent", count=sent)

    def _look_after_identity(self) -> None:
        code = self._run("renew")
        if code != 0 and not self._stop_link.is_set():
            raise UpdateFailed(f"the look at CA and certificate ended with exit code {code}; its own lines say why")

    def _poll_update(self) -> None:
        code = self._run("update")
        if code == RESTART_NEEDED:
            self._restart.set()
            return
        if code == 0 or self._stop_link.is_set():
            return
        if code < 0:
            self._report_fault(Fault(code="update-crashed", detail=f"ended by signal {-code}"))
        raise UpdateFailed(f"the update poll ended with exit code {code}; its own lines say why")

    def _run(self, name: str) -> int:
        """Run a command in a process of its own: its memory comes back, and its crash is not the agent's."""
        command = [sys.executable, "-m", "device_agent.cli", name]
        environment = {**os.environ, HOME_VARIABLE: str(self._home.root)}
        with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as process:
            self._processes[name] = process
            try:
                return process.wait(UPDATE_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                raise UpdateFailed(f"{name} took more than {UPDATE_SECONDS:.0f} s; it goes on next time") from None
            finally:
                del self._processes[name]

    def _report_fault(self, fault: Fault) -> None:
        try:
            self._outbox.append(fault)
        except StorageError as error:
            self._log.error("fault_not_kept", fault=fault.code, error=str(error))


def agent_version() -> str:
    """Return the version of the installed agent."""
    for distribution in ("liveframe-agent", "liveframe"):
        try:
            return version(distribution)
        except PackageNotFoundError:
            continue
    return ""

"""Runs one ingest worker in a process of its own: database, broker and handlers put together."""

import signal
import threading

from fleet_server import lifeline, logs
from fleet_server.config import Config
from fleet_server.db import Database
from fleet_server.events import handlers
from fleet_server.pki import files
from fleet_server.pki.store import INGEST_NAME, CaStore
from fleet_server.telemetry import metrics
from fleet_server.telemetry.ingest import IngestWorker
from fleet_server.telemetry.mqtt import Credentials, Link

METRICS_SECONDS = 5.0
READY_CHECK_SECONDS = 0.05


def run(config: Config, number: int) -> int:
    """Work until SIGTERM; 1 when the worker ended by itself, which its supervisor answers with a new one."""
    stop = threading.Event()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signal_number, lambda *_: stop.set())
    store = CaStore(config.ca_dir)
    store.write_trusted()
    credentials = Credentials(store.trusted, store.certificate("ingest"), store.key("ingest"))
    link = Link(f"{INGEST_NAME}-{number}", "localhost", config.broker_server_port, credentials)
    begun = _read(credentials)
    worker = IngestWorker(
        Database(config.url),
        link,
        handlers(),
        batch_messages=config.ingest_batch_messages,
        batch_seconds=config.ingest_batch_seconds,
    )
    thread = threading.Thread(target=worker.run, args=(stop,), name="ingest", daemon=True)
    link.start()
    thread.start()
    announced = False
    while not stop.wait(METRICS_SECONDS if announced else READY_CHECK_SECONDS):
        if not announced and link.subscribed:
            lifeline.ready()
            announced = True
            logs.get("ingest").info("ingest.ready")
        files.write(config.data_dir / metrics.FILE, metrics.render(worker.counters).encode(), files.PUBLIC_MODE)
        if not thread.is_alive():
            return 1
        if _read(credentials) != begun:
            logs.get("ingest").warning("ingest.restarts_for_certificates")
            return 1
    thread.join()
    link.stop()
    return 0


def _read(credentials: Credentials) -> list[bytes]:
    return [path.read_bytes() for path in (credentials.ca, credentials.certificate, credentials.key)]

"""The command that runs an ingest worker."""

import argparse

from fleet_server.options import command, loaded

METRICS_SECONDS = 5.0
METRICS_FILE = "ingest.prom"


def add_commands(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this feature's commands to the parser."""
    ingest = command(
        subparsers, "ingest", "Write telemetry from the broker into the database.", "fleet-server ingest --data DIR"
    )
    ingest.add_argument(
        "--worker", type=int, default=0, help="number of this worker, stable over restarts (default 0)"
    )
    ingest.set_defaults(run=run_ingest)


def run_ingest(arguments: argparse.Namespace) -> int:
    """Run one worker until SIGTERM."""
    import signal
    import threading

    from fleet_server import logs
    from fleet_server.db import Database
    from fleet_server.events import handlers
    from fleet_server.pki import files
    from fleet_server.pki.store import INGEST_NAME, CaStore
    from fleet_server.serve import lifeline
    from fleet_server.telemetry import metrics
    from fleet_server.telemetry.ingest import IngestWorker
    from fleet_server.telemetry.mqtt import Credentials, Link

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    lifeline.hold_on()
    logs.setup("ingest")
    config = loaded(arguments)
    store = CaStore(config.ca_dir)
    credentials = Credentials(store.ca_certificate, store.certificate("ingest"), store.key("ingest"))
    link = Link(f"{INGEST_NAME}-{arguments.worker}", "localhost", config.broker_server_port, credentials)
    worker = IngestWorker(
        Database(config.url),
        link,
        handlers(),
        batch_messages=config.ingest_batch_messages,
        batch_seconds=config.ingest_batch_seconds,
    )
    link.start()
    thread = threading.Thread(target=worker.run, args=(stop,), name="ingest", daemon=True)
    thread.start()
    announced = False
    while not stop.wait(METRICS_SECONDS if announced else 0.05):
        if not announced and link.subscribed:
            lifeline.ready()
            announced = True
        files.write(config.data_dir / METRICS_FILE, metrics.render(worker.counters).encode(), files.PUBLIC_MODE)
        if not thread.is_alive():
            return 1
    thread.join()
    link.stop()
    return 0

"""What a server does for itself on a timer: renews what it signs, and calls people for what they sign.

The director's answers need none of this: each is signed when a frame asks.
"""

import signal
import threading

from fleet_server import lifeline, logs
from fleet_server.config import Config
from fleet_server.errors import ServerError
from fleet_server.pki.store import CaStore
from fleet_server.signing import metadata, status
from fleet_server.signing.repository import Repository

EVERY_SECONDS = 3600.0

log = logs.get("upkeep")


def run(config: Config) -> int:
    """Look after everything once an hour until SIGTERM."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    once(config)
    lifeline.ready()
    while not stop.wait(EVERY_SECONDS):
        once(config)
    return 0


def once(config: Config) -> None:
    """Renew what is due and call out what needs people; an error is logged, and the next hour tries again."""
    for task in (_renew_metadata, _renew_certificates, _call_people):
        try:
            task(config)
        except (ServerError, OSError) as error:
            log.error("upkeep.failed", task=task.__name__.strip("_"), error=str(error))


def _renew_metadata(config: Config) -> None:
    repository = Repository(config.tuf_dir)
    if repository.is_installed and repository.refresh(metadata.now()):
        log.info("repository.renewed")


def _renew_certificates(config: Config) -> None:
    store = CaStore(config.ca_dir)
    if store.servers_due(config.host_names, metadata.now()):
        store.renew_servers(config.host_names)
        log.info("certificates.renewed")


def _call_people(config: Config) -> None:
    status.warn(status.expiries(config), metadata.now())

"""When everything that is signed ends, who renews it, and whether somebody is needed soon.

What people sign is called out a week before its end. What the server renews by itself is called out only when that
did not happen: long after half its life, and before anything stops.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from fleet_server import logs
from fleet_server.config import Config
from fleet_server.errors import ConfigurationError, Invalid
from fleet_server.pki.store import CaStore
from fleet_server.signing import apply, roles
from fleet_server.signing.director import Director
from fleet_server.signing.repository import Repository

PEOPLE = "people"
SERVER = "server"
WEEK = timedelta(days=7)
TIMESTAMP_MARGIN = timedelta(days=1)
CA_MARGIN = timedelta(days=180)
"""A rotation of the fleet CA takes an overlap of months."""
DAY = timedelta(days=1)
ADVICE = {
    "metadata": "two people sign a renewal: docs/runbooks/keys.md, Renew",
    "online": "the server renews this by itself and has not: look at the log of `fleet-server upkeep`",
    "server certificate": "the server renews this by itself and has not: look at the log of `fleet-server upkeep`",
    "fleet CA": "begin a rotation: docs/runbooks/certificates.md",
}

log = logs.get("signing")


@dataclass(frozen=True)
class Expiry:
    """One thing that ends."""

    what: str
    kind: str
    """A key of ADVICE."""
    expires: datetime
    renewed_by: str
    margin: timedelta
    """How long before its end somebody is called."""


def expiries(config: Config) -> list[Expiry]:
    """Return everything of this server that ends, soonest first."""
    found = [*_metadata(config), *_certificates(CaStore(config.ca_dir))]
    return sorted(found, key=lambda one: one.expires)


def soon(found: Iterable[Expiry], at: datetime) -> list[Expiry]:
    """Return what needs somebody soon. Pure."""
    return [one for one in found if one.expires - at < one.margin]


def days_left(one: Expiry, at: datetime) -> float:
    """Return the days until something ends; negative when it has ended. Pure."""
    return (one.expires - at) / DAY


def sentence(one: Expiry, at: datetime) -> str:
    """Say what ends when, and what to do. Pure."""
    left = days_left(one, at)
    when = f"in {left:.1f} days" if left >= 0 else f"{-left:.1f} days ago"
    return f"{one.what} expires on {one.expires:%Y-%m-%d %H:%M} UTC, {when}; {ADVICE[one.kind]}"


def as_json(found: Iterable[Expiry], at: datetime) -> str:
    """Return everything for monitoring. Pure."""
    entries = [
        {
            "what": one.what,
            "kind": one.kind,
            "expires": one.expires.isoformat(),
            "days_left": round(days_left(one, at), 2),
            "renewed_by": one.renewed_by,
            "soon": one.expires - at < one.margin,
        }
        for one in found
    ]
    return json.dumps({"v": 1, "at": at.isoformat(), "soon": any(one["soon"] for one in entries), "entries": entries})


def warn(found: Iterable[Expiry], at: datetime) -> None:
    """Write a line into the log for everything that needs somebody soon."""
    for one in soon(found, at):
        log.warning("keys.expires_soon", what=one.what, days_left=round(days_left(one, at), 1), todo=ADVICE[one.kind])


def _metadata(config: Config) -> list[Expiry]:
    """Return the roles of both repositories; a server without a ceremony has none."""
    repository, director = Repository(config.tuf_dir), Director(config.tuf_dir)
    if not repository.is_installed or not director.is_installed:
        return []
    state = repository.state()
    documents, _ = apply.published(repository, director)
    found = [Expiry(name, "metadata", one.signed.expires, PEOPLE, WEEK) for name, one in documents.items()]
    snapshot, timestamp = state.snapshot.signed.expires, state.timestamp.signed.expires
    found.append(Expiry(roles.SNAPSHOT, "online", snapshot, SERVER, WEEK))
    found.append(Expiry(roles.TIMESTAMP, "online", timestamp, SERVER, TIMESTAMP_MARGIN))
    return found


def _certificates(store: CaStore) -> list[Expiry]:
    if not store.exists():
        return []
    found = [
        Expiry(f"certificate of {name}", "server certificate", store.load(name).certificate.not_valid_after_utc,
               SERVER, WEEK)
        for name in ("server", "ingest")
    ]  # fmt: skip
    ends = store.load().certificate.not_valid_after_utc
    return [*found, Expiry("fleet CA", "fleet CA", ends, PEOPLE, CA_MARGIN)]


def alerts(config: Config, at: datetime) -> list[Expiry]:
    """Return what needs somebody soon, for a page: files that cannot be read are the log's business."""
    try:
        return soon(expiries(config), at)
    except (ConfigurationError, Invalid) as error:
        log.error("keys.status_unreadable", error=str(error))
        return []

"""``fleet-server init``: makes what a data directory lacks, keeps what it has."""

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fleet_server import config as settings
from fleet_server import migrate
from fleet_server.app import SESSION_KEY
from fleet_server.auth import passwords
from fleet_server.auth import service as accounts
from fleet_server.auth.permissions import Role
from fleet_server.config import DATABASE_FILE
from fleet_server.db import Database
from fleet_server.devices.claims import CLAIM_KEY
from fleet_server.pki import certificates, files
from fleet_server.pki.store import CaStore

SECRET_BYTES = 32
DATA_MODE = 0o711
"""The broker's own account may pass through to its folder; nobody may list, and every file in it is 0600."""
FIRST_ADMINISTRATOR = "admin"
ACTOR = "command line"


@dataclass(frozen=True)
class Initialised:
    """What the person who runs it needs to know."""

    administrator: str
    password: str | None
    """Shown once; None when there are accounts already."""
    ca_pem: str
    ca_sha256: str


def initialise(data_dir: Path, hosts: Sequence[str], database_url: str) -> Initialised:
    """Make directory, settings, secrets, CA, schema and first administrator, each only where it is missing."""
    data_dir.mkdir(mode=DATA_MODE, parents=True, exist_ok=True)
    data_dir.chmod(DATA_MODE)
    _write_settings(data_dir, hosts, database_url)
    config = settings.load(data_dir)
    for name in (SESSION_KEY, CLAIM_KEY):
        if not (config.secrets_dir / name).exists():
            files.write(config.secrets_dir / name, secrets.token_bytes(SECRET_BYTES))
    store = CaStore(config.ca_dir)
    if not store.exists():
        store.create(config.host_names)
    if not config.database_url:
        # SQLite gives its journal the mode of the database.
        (data_dir / DATABASE_FILE).touch(mode=files.SECRET_MODE)
    migrate.upgrade(config.url)
    return Initialised(
        administrator=FIRST_ADMINISTRATOR,
        password=_first_administrator(config),
        ca_pem=str(store.ca_certificate),
        ca_sha256=certificates.fingerprint(store.ca_certificate.read_bytes()),
    )


def _write_settings(data_dir: Path, hosts: Sequence[str], database_url: str) -> None:
    path = data_dir / settings.CONFIG_FILE
    if path.exists():
        return
    lines = ["# Settings of this server; every one is listed in docs/fleet-server.md."]
    if hosts:
        lines.append(f"host_names = {json.dumps(list(hosts))}")
    if database_url:
        lines.append(f"database_url = {json.dumps(database_url)}")
    files.write(path, ("\n".join(lines) + "\n").encode())


def _first_administrator(config: settings.Config) -> str | None:
    """Make the first account unless there is one; return its password."""
    with Database(config.url).transaction() as session:
        if accounts.users(session):
            return None
        password = passwords.generate()
        accounts.add_user(session, ACTOR, FIRST_ADMINISTRATOR, Role.ADMINISTRATOR, password)
    return password

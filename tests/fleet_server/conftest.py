"""States of the world: an initialised server, its database, callers with a role, a frame, a running fleet."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from flask import Flask
from flask.testing import FlaskClient

from fleet_server import config as settings
from fleet_server import migrate
from fleet_server.app import create_app, create_device_app
from fleet_server.auth import service as accounts
from fleet_server.auth.permissions import Role
from fleet_server.config import Config
from fleet_server.db import Database
from fleet_server.devices import claims, enrolment
from fleet_server.pki.store import CaStore
from fleet_server.serve.initialise import initialise
from tests.support import postgres as pg
from tests.support.running_fleet import RunningFleet
from tests.support.simulated_frame import enrol_request


@dataclass(frozen=True)
class EnrolledFrame:
    frame_id: str
    key: ec.EllipticCurvePrivateKey
    certificate_der: bytes


class TlsConnection:
    """What gunicorn hands to the application for a connection whose client certificate was verified."""

    def __init__(self, certificate_der: bytes | None) -> None:
        self._der = certificate_der

    def getpeercert(self, binary_form: bool) -> bytes | None:
        assert binary_form
        return self._der


@pytest.fixture(scope="session")
def initialised(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A data directory fresh from ``fleet-server init``, and the first password."""
    folder = tmp_path_factory.mktemp("init") / "data"
    done = initialise(folder, [], "")
    assert done.password
    return folder, done.password


@pytest.fixture
def data_dir(tmp_path: Path, initialised: tuple[Path, str]) -> Path:
    shutil.copytree(initialised[0], tmp_path / "data")
    return tmp_path / "data"


@pytest.fixture
def password(initialised: tuple[Path, str]) -> str:
    return initialised[1]


@pytest.fixture
def config(data_dir: Path) -> Config:
    return settings.load(data_dir, {})


@pytest.fixture
def database(config: Config) -> Iterator[Database]:
    database = Database(config.url)
    yield database
    database.close()


@pytest.fixture
def people(config: Config, database: Database) -> Flask:
    return create_app(config, database)


@pytest.fixture
def caller(people: Flask, database: Database) -> Callable[[Role], FlaskClient]:
    """Make a client that proves a role with an API token."""

    def make(role: Role) -> FlaskClient:
        with database.transaction() as session:
            token = accounts.create_token(session, "test", f"test {role}", role)
        client = people.test_client()
        client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
        return client

    return make


@pytest.fixture
def new_frame(config: Config, database: Database) -> Callable[[str], EnrolledFrame]:
    """Enrol a frame by serial."""

    def make(serial: str) -> EnrolledFrame:
        key = ec.generate_private_key(ec.SECP256R1())
        secret = config.secret(claims.CLAIM_KEY)
        with database.transaction() as session:
            code = claims.create(session, "test", secret, 1)[0]
        ca = CaStore(config.ca_dir).load()
        with database.transaction() as session:
            done = enrolment.enrol(session, ca, secret, enrol_request(code, serial, key), config.certificate_days)
        certificate = x509.load_pem_x509_certificate(done.certificate_pem.encode())
        return EnrolledFrame(done.frame_id, key, certificate.public_bytes(serialization.Encoding.DER))

    return make


@pytest.fixture
def frame(new_frame: Callable[[str], EnrolledFrame]) -> EnrolledFrame:
    return new_frame("SER-0001")


@pytest.fixture
def device_app(config: Config, database: Database) -> Flask:
    return create_device_app(config, database)


@pytest.fixture
def as_frame(device_app: Flask) -> Callable[[EnrolledFrame | None], FlaskClient]:
    """A client whose TLS connection carries the certificate of a frame, or none."""

    def make(who: EnrolledFrame | None) -> FlaskClient:
        client = device_app.test_client()
        client.environ_base["gunicorn.socket"] = TlsConnection(who.certificate_der if who else None)
        return client

    return make


@pytest.fixture
def fleet(data_dir: Path) -> Iterator[RunningFleet]:
    """``fleet-server serve``, real in every part."""
    running = RunningFleet(data_dir).start()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def standing_fleet(tmp_path_factory: pytest.TempPathFactory, initialised: tuple[Path, str]) -> Iterator[RunningFleet]:
    """One running fleet for tests that mind only their own frames; it outlives whatever they kill in it."""
    folder = tmp_path_factory.mktemp("standing") / "data"
    shutil.copytree(initialised[0], folder)
    running = RunningFleet(folder).start()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def postgres() -> Iterator[pg.Postgres]:
    programs = pg.binaries()
    assert programs, "PostgreSQL is missing; run: apt-get install postgresql"
    server = pg.Postgres(programs).start()
    yield server
    server.stop()


@pytest.fixture(params=["sqlite", "postgresql"])
def any_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A migrated, empty database of each kind."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'any.sqlite3'}"
    else:
        url = request.getfixturevalue("postgres").fresh_url()
    migrate.upgrade(url)
    database = Database(url)
    yield database
    database.close()

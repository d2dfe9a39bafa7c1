"""Configuration: every setting with its unit and default; read from ``config.toml`` and the environment on demand."""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path

from fleet_server.errors import ConfigurationError

ENVIRONMENT_PREFIX = "FLEET_"
CONFIG_FILE = "config.toml"
DATABASE_FILE = "fleet.sqlite3"


@dataclass(frozen=True)
class Config:
    """Settings of one server; ``FLEET_`` and the name in capitals is the environment variable of a setting."""

    data_dir: Path
    database_url: str = ""
    """SQLAlchemy URL; empty: SQLite in the data directory. Production: ``postgresql+psycopg://...``."""
    host_names: tuple[str, ...] = ("localhost", "127.0.0.1")
    """Names and addresses that frames use; they go into the server certificates. The first is told to frames."""
    people_bind: str = "127.0.0.1"
    people_port: int = 8080
    """Port 0, here and below, means to ``fleet-server serve``: a free one, written to ``run.json``."""
    people_tls: bool = False
    """Serve people over TLS with the fleet CA's certificate; otherwise a proxy in front does it."""
    behind_proxy: bool = False
    """Trust one proxy's ``X-Forwarded-For``/``-Proto`` (set it only when there is one)."""
    device_bind: str = "127.0.0.1"
    device_port: int = 8443
    broker_bind: str = "127.0.0.1"
    broker_port: int = 8883
    broker_server_port: int = 8884
    """The broker's second listener, on loopback, for the server's own workers."""
    web_workers: int = 1
    """Processes of each web server; one is right for SQLite, more for PostgreSQL."""
    web_threads: int = 8
    certificate_days: int = 90
    """Life of a frame's certificate."""
    session_hours: int = 12
    """A person is logged out after this many hours."""
    login_attempts_per_minute: int = 10
    enrol_attempts_per_minute: int = 120
    """Per address; a factory enrols in bursts."""
    mirrors: tuple[str, ...] = ()
    """Base addresses of copies of ``tuf/targets/``; frames ask them in this order before this server."""
    ingest_batch_messages: int = 500
    ingest_batch_seconds: float = 0.05
    """A batch is committed when it holds this many messages or is this old."""

    @property
    def url(self) -> str:
        """The database URL in force."""
        return self.database_url or f"sqlite:///{self.data_dir / DATABASE_FILE}"

    @property
    def ca_dir(self) -> Path:
        """Certificates and keys of the fleet CA and the servers."""
        return self.data_dir / "ca"

    @property
    def secrets_dir(self) -> Path:
        """Random secrets made by ``fleet-server init``."""
        return self.data_dir / "secrets"

    @property
    def broker_dir(self) -> Path:
        """Configuration, access rules and persistence of mosquitto."""
        return self.data_dir / "broker"

    @property
    def blobs_dir(self) -> Path:
        """Clips and voices, by content hash."""
        return self.data_dir / "blobs"

    @property
    def tuf_dir(self) -> Path:
        """The signed image repository that frames read: ``metadata/`` and ``targets/``."""
        return self.data_dir / "tuf"

    @property
    def run_file(self) -> Path:
        """Ports, process ids and addresses of a running ``fleet-server serve``."""
        return self.data_dir / "run.json"

    def secret(self, name: str) -> bytes:
        """Return a secret that ``fleet-server init`` made."""
        path = self.secrets_dir / name
        if not path.is_file():
            raise ConfigurationError(f"no secret {path}: run `fleet-server init --data {self.data_dir}` first")
        return path.read_bytes()


def _parse(name: str, value: object, default: object) -> object:
    """Turn a TOML or environment value into the type of the setting."""
    if isinstance(default, bool):
        return value if isinstance(value, bool) else str(value).lower() in ("1", "true", "yes")
    if isinstance(default, tuple):
        parts = value if isinstance(value, list) else [part.strip() for part in str(value).split(",")]
        return tuple(part for part in parts if part)
    try:
        return type(default)(value)  # type: ignore[call-arg]
    except (TypeError, ValueError) as error:
        raise ConfigurationError(f"setting {name}: expected {type(default).__name__}, got {value!r}") from error


def load(data_dir: Path, environment: Mapping[str, str] | None = None) -> Config:
    """Read the settings of a data directory: defaults, then ``config.toml``, then ``FLEET_*`` variables."""
    environment = os.environ if environment is None else environment
    config = Config(data_dir=data_dir.resolve())
    path = config.data_dir / CONFIG_FILE
    written: dict[str, object] = tomllib.loads(path.read_text()) if path.is_file() else {}
    known = {field.name: getattr(config, field.name) for field in fields(Config) if field.name != "data_dir"}
    unknown = sorted(set(written) - set(known))
    if unknown:
        raise ConfigurationError(
            f"{path}: unknown settings {', '.join(unknown)}; known are {', '.join(sorted(known))}"
        )
    for name in known:
        if (value := environment.get(ENVIRONMENT_PREFIX + name.upper())) is not None:
            written[name] = value
    settings = {name: _parse(name, value, known[name]) for name, value in written.items()}
    return replace(config, **settings)  # type: ignore[arg-type]

"""gunicorn around the two applications; the one file that knows it."""

import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.config import Config as GunicornConfig

from fleet_server import lifeline
from fleet_server.config import Config
from fleet_server.pki.store import CaStore

REQUEST_SECONDS = 120
"""A worker that is silent this long is replaced; a clip over a slow line is read in parts, which counts as alive."""
GRACE_SECONDS = 10
KEEPALIVE_SECONDS = 5


class _Server(BaseApplication):  # type: ignore[misc]
    """gunicorn with our settings and a factory instead of a module path."""

    def __init__(self, factory: Callable[[], Flask], options: dict[str, Any]) -> None:
        self._factory = factory
        self._options = options
        super().__init__()

    def load_config(self) -> None:
        """Apply the options; no configuration file, no command line, no environment."""
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        """Build the application in the worker."""
        return self._factory()


def _options(config: Config, bind: str, port: int, scratch: Path) -> dict[str, Any]:
    return {
        "bind": f"[{bind}]:{port}" if ":" in bind else f"{bind}:{port}",
        "worker_class": "gthread",
        "workers": config.web_workers,
        "threads": config.web_threads,
        "timeout": REQUEST_SECONDS,
        "graceful_timeout": GRACE_SECONDS,
        "keepalive": KEEPALIVE_SECONDS,
        "worker_tmp_dir": str(scratch),
        "control_socket_disable": True,
        "loglevel": "warning",
        "post_worker_init": lambda _worker: lifeline.ready(),
    }


def _tls(config: Config, client_certificates: ssl.VerifyMode) -> dict[str, Any]:
    store = CaStore(config.ca_dir)
    store.write_trusted()  # read anew for each connection, as the certificate is: a rotation needs no restart

    def context(_config: GunicornConfig, default: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
        made = default()
        made.minimum_version = ssl.TLSVersion.TLSv1_2
        made.num_tickets = 0  # the context is made anew for each connection: no other could read its tickets
        made.options |= ssl.OP_NO_TICKET
        return made

    return {
        "certfile": str(store.certificate("server")),
        "keyfile": str(store.key("server")),
        "ca_certs": str(store.trusted),
        "cert_reqs": client_certificates,
        "ssl_context": context,
    }


def serve_people(config: Config) -> None:
    """Serve pages and API; plain HTTP on loopback unless ``people_tls`` is set."""
    from fleet_server.app import create_app

    options = _options(config, config.people_bind, config.people_port, config.data_dir)
    if config.people_tls:
        options |= _tls(config, ssl.CERT_NONE)
    _Server(lambda: create_app(config), options).run()


def serve_frames(config: Config) -> None:
    """Serve frames over TLS. A client certificate is asked for but not demanded: enrolment and updates need none."""
    from fleet_server.app import create_device_app

    options = _options(config, config.device_bind, config.device_port, config.data_dir)
    options |= _tls(config, ssl.CERT_OPTIONAL)
    _Server(lambda: create_device_app(config), options).run()

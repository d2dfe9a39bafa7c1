"""``fleet-server serve``: broker, ingest and both web servers on one machine, under one supervisor."""

import json
import os
import signal
import socket
import sys
import threading
from dataclasses import replace

from fleet_server import logs, migrate
from fleet_server.config import ENVIRONMENT_PREFIX, Config
from fleet_server.pki import files
from fleet_server.serve.supervisor import Child, Supervisor

CHECK_SECONDS = 0.5
PORTS = ("people_port", "device_port", "broker_port", "broker_server_port")

log = logs.get("serve")


def serve(config: Config) -> int:
    """Run until SIGTERM or SIGINT; ``run.json`` is there exactly while everything is ready."""
    logs.setup("serve")
    config = with_free_ports(config)
    config.run_file.unlink(missing_ok=True)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    migrate.upgrade(config.url)
    supervisor = Supervisor(_children(config), _environment(config))
    try:
        supervisor.start()
        _write_run_file(config, supervisor)
        log.info("serve.ready", people=people_url(config), devices=device_url(config))
        while not stop.wait(CHECK_SECONDS):
            if supervisor.check():
                _write_run_file(config, supervisor)
    finally:
        config.run_file.unlink(missing_ok=True)
        supervisor.stop()
        log.info("serve.stopped")
    return 0


def with_free_ports(config: Config) -> Config:
    """Replace every port 0 by a free one; all are held open until each is chosen, so that none comes twice."""
    held = [socket.create_server(("127.0.0.1", 0)) for name in PORTS if getattr(config, name) == 0]
    free = iter([listener.getsockname()[1] for listener in held])
    chosen = {name: getattr(config, name) or next(free) for name in PORTS}
    for listener in held:
        listener.close()
    return replace(config, **chosen)


def people_url(config: Config) -> str:
    """Where people point their browser."""
    return f"{'https' if config.people_tls else 'http'}://{config.people_bind}:{config.people_port}/"


def device_url(config: Config) -> str:
    """Where frames connect."""
    return f"https://{config.host_names[0]}:{config.device_port}/"


def _children(config: Config) -> list[list[Child]]:
    """The children in the order in which they start: first the broker, then what may need it."""
    program = [sys.executable, "-m", "fleet_server.cli"]
    groups = (("broker",), ("ingest", "frames", "people", "upkeep"))
    return [[Child(name, [*program, name, "--data", str(config.data_dir)]) for name in group] for group in groups]


def _environment(config: Config) -> dict[str, str]:
    """The ports chosen here, for every child."""
    return {ENVIRONMENT_PREFIX + name.upper(): str(getattr(config, name)) for name in PORTS}


def _write_run_file(config: Config, supervisor: Supervisor) -> None:
    """Tell other programs on this machine where everything is."""
    running = {
        "pid": os.getpid(),
        "people_url": people_url(config),
        "device_url": device_url(config),
        "mqtt_host": config.host_names[0],
        "mqtt_port": config.broker_port,
        "ports": {name: getattr(config, name) for name in PORTS},
        "pids": supervisor.pids(),
        "ca_pem": str(config.ca_dir / "ca.pem"),
    }
    files.write(config.run_file, json.dumps(running, indent=2).encode())

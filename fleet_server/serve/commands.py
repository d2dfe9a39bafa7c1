"""Commands that set a server up and run it."""

import argparse
import json

from fleet_server.options import command, loaded


def add_commands(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this feature's commands to the parser."""
    init = command(
        subparsers,
        "init",
        "Make a data directory: settings, secrets, CA, database, first administrator.",
        "fleet-server init --data /var/lib/liveframe --host fleet.example",
    )
    init.add_argument("--host", action="append", default=[], metavar="NAME", help="name or address that frames use")
    init.add_argument("--database-url", default="", metavar="URL", help="default: SQLite in the data directory")
    init.add_argument("--json", action="store_true", help="print the result as JSON")
    init.set_defaults(run=run_init)

    migrate = command(
        subparsers, "migrate", "Bring the database's schema up to date.", "fleet-server migrate --data DIR"
    )
    migrate.set_defaults(run=run_migrate)

    serve = command(
        subparsers,
        "serve",
        "Run broker, ingest and both web servers; DIR/run.json says where they are.",
        "fleet-server serve --data DIR --port 0 --device-port 0 --broker-port 0",
    )
    serve.add_argument("--port", type=int, help="port for people (0: a free one)")
    serve.add_argument("--device-port", type=int, help="port for frames (0: a free one)")
    serve.add_argument("--broker-port", type=int, help="MQTT port (0: a free one)")
    serve.set_defaults(run=run_serve)

    ingest = command(
        subparsers, "ingest", "Write telemetry from the broker into the database.", "fleet-server ingest --data DIR"
    )
    ingest.add_argument("--worker", type=int, default=0, help="number of this worker, kept over restarts (default 0)")
    ingest.set_defaults(run=run_ingest)
    upkeep = command(
        subparsers,
        "upkeep",
        "Renew what the server signs, once an hour, and call out what people must renew.",
        "fleet-server upkeep --data DIR --once",
    )
    upkeep.add_argument("--once", action="store_true", help="look once and end, for a timer")
    upkeep.set_defaults(run=run_upkeep)
    people = command(subparsers, "people", "Run only the web server for people.", "fleet-server people --data DIR")
    people.set_defaults(run=run_people)
    frames = command(subparsers, "frames", "Run only the web server for frames.", "fleet-server frames --data DIR")
    frames.set_defaults(run=run_frames)


def run_init(arguments: argparse.Namespace) -> int:
    """Make a data directory."""
    from fleet_server.serve.initialise import initialise

    done = initialise(arguments.data, arguments.host, arguments.database_url)
    if arguments.json:
        lines = [
            json.dumps(
                {
                    "administrator": done.administrator,
                    "password": done.password,
                    "ca_pem": done.ca_pem,
                    "ca_sha256": done.ca_sha256,
                }
            )
        ]
    else:
        lines = [
            f"data directory: {arguments.data}",
            f"fleet CA:       {done.ca_pem}",
            f"  SHA-256       {done.ca_sha256}",
        ]
        if done.password:
            lines += [f"administrator:  {done.administrator}", f"password:       {done.password}   (shown only now)"]
    print("\n".join(lines))  # noqa: T201
    return 0


def run_migrate(arguments: argparse.Namespace) -> int:
    """Migrate the database."""
    from fleet_server import migrate

    migrate.upgrade(loaded(arguments).url)
    return 0


def run_serve(arguments: argparse.Namespace) -> int:
    """Run everything."""
    from dataclasses import replace

    from fleet_server import lifeline
    from fleet_server.serve.everything import serve

    lifeline.hold_on()
    config = loaded(arguments)
    if arguments.port is not None:
        config = replace(config, people_port=arguments.port)
    if arguments.device_port is not None:
        config = replace(config, device_port=arguments.device_port)
    if arguments.broker_port is not None:
        config = replace(config, broker_port=arguments.broker_port, broker_server_port=0)
    return serve(config)


def run_ingest(arguments: argparse.Namespace) -> int:
    """Run one ingest worker."""
    from fleet_server import lifeline, logs
    from fleet_server.serve import ingest

    lifeline.hold_on()
    logs.setup("ingest")
    return ingest.run(loaded(arguments), arguments.worker)


def run_upkeep(arguments: argparse.Namespace) -> int:
    """Run the upkeep."""
    from fleet_server import lifeline, logs
    from fleet_server.serve import upkeep

    logs.setup("upkeep")
    if arguments.once:
        upkeep.once(loaded(arguments))
        return 0
    lifeline.hold_on()
    return upkeep.run(loaded(arguments))


def run_people(arguments: argparse.Namespace) -> int:
    """Run the web server for people."""
    from fleet_server import lifeline, logs
    from fleet_server.serve import web

    lifeline.hold_on()
    logs.setup("people")
    web.serve_people(loaded(arguments))
    return 0


def run_frames(arguments: argparse.Namespace) -> int:
    """Run the web server for frames."""
    from fleet_server import lifeline, logs
    from fleet_server.serve import web

    lifeline.hold_on()
    logs.setup("frames")
    web.serve_frames(loaded(arguments))
    return 0

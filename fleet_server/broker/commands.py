"""The command that keeps the broker."""

import argparse

from fleet_server.options import command, loaded


def add_commands(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this feature's commands to the parser."""
    broker = command(subparsers, "broker", "Run mosquitto with the fleet's rules.", "fleet-server broker --data DIR")
    broker.set_defaults(run=run_broker)


def run_broker(arguments: argparse.Namespace) -> int:
    """Keep mosquitto running until SIGTERM."""
    import signal
    import threading

    from fleet_server import lifeline, logs
    from fleet_server.broker.keeper import CHECK_SECONDS, BrokerKeeper
    from fleet_server.db import Database

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    lifeline.hold_on()
    logs.setup("broker")
    config = loaded(arguments)
    keeper = BrokerKeeper(config, Database(config.url))
    try:
        keeper.start()
        lifeline.ready()
        while not stop.wait(CHECK_SECONDS):
            keeper.check()
    finally:
        keeper.stop()
    return 0

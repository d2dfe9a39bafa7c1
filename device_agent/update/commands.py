"""Commands of update."""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from device_agent.update.journal import Journal

    Actions = argparse._SubParsersAction[argparse.ArgumentParser]


SHIPPED = Path("/usr/share/liveframe/model.lfm")
"""Where the factory puts the model that a frame is shipped with; no update touches it."""


def add_commands(subparsers: "Actions") -> None:
    """Add ``update`` and what it can do besides: ``status``, ``window``, ``reset``."""
    update = subparsers.add_parser(
        "update",
        help="ask the server once for a release, and carry it as far as it goes",
        description=(
            "Ask the server once which release this frame should run; verify, download, install and test it, and "
            "keep it or go back. After an interruption it goes on where it stopped. It waits while the battery is "
            "low, while a video plays, and for the maintenance window. Exit code 41: it ended reverted or refused; "
            "42: it goes on after a restart from the other firmware slot."
        ),
        epilog="example:\n  device-agent update --json\n  device-agent update status",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    update.add_argument("--once", action="store_true", help="poll once and end (this is what it always does)")
    update.add_argument("--json", action="store_true", help="print the state afterwards as JSON")
    update.set_defaults(run=run_update)
    actions = update.add_subparsers(dest="action", metavar="ACTION")
    _add_status(actions)
    _add_window(actions)
    _add_reset(actions)


def _add_status(actions: "Actions") -> None:
    status = actions.add_parser(
        "status",
        help="print the state of the update without asking the server",
        description="Print the state of the update without asking the server.",
        epilog="example:\n  device-agent update status --json",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    status.add_argument("--json", action="store_true", help="print it as JSON")
    status.set_defaults(run=run_status)


def _add_window(actions: "Actions") -> None:
    window = actions.add_parser(
        "window",
        help="show or choose the hours in which a new version may be activated",
        description=(
            "Show or choose the hours, in the frame's own time zone, in which a new version may be activated. "
            "Downloads do not wait for them."
        ),
        epilog="example:\n  device-agent update window 02:00-05:00\n  device-agent update window any",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    window.add_argument("hours", nargs="?", help="HH:MM-HH:MM, over midnight if the second is earlier; or 'any'")
    window.set_defaults(run=run_window)


def _add_reset(actions: "Actions") -> None:
    reset = actions.add_parser(
        "reset",
        help="go back to the model that the frame was shipped with",
        description=(
            "Go back to the model that the frame was shipped with. An order that is open ends; releases install "
            "again when the server offers them by a new order. Photos, identity and reports stay."
        ),
        epilog="example:\n  device-agent update reset --yes",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    reset.add_argument("--package", type=Path, default=SHIPPED, help="the shipped model (default: %(default)s)")
    reset.add_argument("--yes", action="store_true", required=True, help="do it; nothing is asked")
    reset.set_defaults(run=run_reset, json=False)


def run_update(arguments: argparse.Namespace) -> int:
    """Poll once."""
    from device_agent import reporting
    from device_agent.errors import RESTART_NEEDED, UpdateFailed
    from device_agent.system import identity
    from device_agent.system.home import Home
    from device_agent.update import program
    from frame_protocol.updates import UpdateReport, UpdateState

    ended: list[UpdateState] = []

    def observe(report: UpdateReport) -> None:
        ended.append(report.state)
        reason = f": {report.reason}" if report.reason else ""
        sys.stderr.write(f"{report.release} is {report.state}{reason}\n")

    home = Home.from_environment()
    who = identity.load(home)
    with program.updater(home, who, reporting.of(arguments), arguments.model_tools(), observe) as updater:
        journal = updater.poll()
    if updater.waits and journal.order:
        sys.stderr.write(f"{journal.order.release} waits: {updater.waits}\n")
    _print(journal, as_json=arguments.json)
    if updater.needs_restart:
        return RESTART_NEEDED
    failed = ended and ended[-1] in (UpdateState.REVERTED, UpdateState.REFUSED)
    return UpdateFailed.exit_code if failed else 0


def run_reset(arguments: argparse.Namespace) -> int:
    """Go back to the shipped model."""
    from device_agent import reporting
    from device_agent.system import identity
    from device_agent.system.home import Home
    from device_agent.update import program

    home = Home.from_environment()
    who = identity.load(home)
    with program.updater(home, who, reporting.of(arguments), arguments.model_tools()) as updater:
        _print(updater.reset(arguments.package), as_json=arguments.json)
    return 0


def run_status(arguments: argparse.Namespace) -> int:
    """Print the journal."""
    from device_agent.system.home import Home
    from device_agent.update import journal
    from device_agent.update.program import journal_path

    _print(journal.load(journal_path(Home.from_environment())), as_json=arguments.json)
    return 0


def run_window(arguments: argparse.Namespace) -> int:
    """Show or store the maintenance window."""
    from device_agent.system.home import Home
    from device_agent.update import window

    path = Home.from_environment().update_window
    if arguments.hours is not None:
        window.save(path, None if arguments.hours == "any" else window.parse(arguments.hours))
    chosen = window.load(path)
    sys.stdout.write(f"{chosen.start:%H:%M}-{chosen.end:%H:%M}\n" if chosen else "any\n")
    return 0


def _print(journal: "Journal", *, as_json: bool) -> None:
    from device_agent.system import firmware

    order = journal.order
    figures = {
        "state": journal.state.value,
        "release": order.release if order else None,
        "order_id": order.order_id if order else None,
        "tries": order.tries if order else 0,
        "reason": order.verdict if order else "",
        "weights_sha256": order.weights_sha256 if order else None,
        "firmware_counter": firmware.facts().counter,
        "kept_counters": {line.value: counter for line, counter in journal.kept_counters.items()},
    }
    if as_json:
        sys.stdout.write(json.dumps(figures) + "\n")
    else:
        sys.stdout.write(f"{figures['state']}{f' {order.release}' if order else ''}\n")

"""Commands of content: ``device-agent content``."""

import argparse
import sys


def add_commands(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``content``."""
    content = subparsers.add_parser(
        "content",
        help="list the songs that are installed, and when each plays next",
        description=(
            "List the song packs that are installed, and when each song plays next by the clock of the frame's own "
            "time zone. While the clock is not set nothing is scheduled, and the list says so."
        ),
        epilog="example:\n  device-agent content --json",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    content.add_argument("--json", action="store_true", help="print everything as JSON")
    content.set_defaults(run=run_content)


def run_content(arguments: argparse.Namespace) -> int:
    """Print the list."""
    import msgspec

    from device_agent.content import library, listing
    from device_agent.system import clock, identity
    from device_agent.system.home import Home

    home = Home.from_environment()
    who = identity.find(home)
    wanted = who.record.timezone if who else clock.UTC_ZONE
    zone, now = clock.known_zone(wanted), clock.wall()
    is_set = clock.is_plausible(now, clock.read_floor(home.clock_floor))
    problems = [] if zone.key == wanted else [f"the time zone {wanted} is not known here; {zone.key} is used"]
    found = listing.make(library.read(home.content / "active"), now if is_set else None, zone, problems)
    text = msgspec.json.encode(found).decode() if arguments.json else "\n".join(listing.sentences(found))
    sys.stdout.write(text + "\n")
    return 0

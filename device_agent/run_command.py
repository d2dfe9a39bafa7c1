"""The command ``device-agent run``: the agent itself, which the service manager keeps alive."""

import argparse

HEALTH_SECONDS = 60.0
UPDATE_POLL_SECONDS = 300.0
COMPLAINTS_SECONDS = 60.0
IDENTITY_SECONDS = 6 * 3600.0


def add_commands(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``run``."""
    run = subparsers.add_parser(
        "run",
        help="run the agent: report, keep up to date, send complaints",
        description="Run the agent until SIGTERM: report to the server, keep up to date, send complaints.",
        epilog="example:\n  LIVEFRAME_HOME=/var/lib/liveframe device-agent run",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    run.add_argument(
        "--health-every",
        default=HEALTH_SECONDS,
        help="seconds between health samples (default: %(default)g)",
        type=float,
        metavar="S",
    )
    run.add_argument(
        "--poll-every",
        default=UPDATE_POLL_SECONDS,
        help="seconds between update polls (default: %(default)g)",
        type=float,
        metavar="S",
    )
    run.add_argument(
        "--complaints-every",
        default=COMPLAINTS_SECONDS,
        help="seconds between tries to send complaints (default: %(default)g)",
        type=float,
        metavar="S",
    )
    run.add_argument(
        "--identity-every",
        default=IDENTITY_SECONDS,
        help="seconds between looks at the fleet CA and the frame's certificate (default: %(default)g)",
        type=float,
        metavar="S",
    )
    run.set_defaults(run=run_agent)


def run_agent(arguments: argparse.Namespace) -> int:
    """Run ``run``."""
    from device_agent import app
    from device_agent.system import log
    from device_agent.system.home import Home

    log.configure(default="info")
    rhythms = app.Rhythms(
        health=arguments.health_every,
        update_poll=arguments.poll_every,
        complaints=arguments.complaints_every,
        identity=arguments.identity_every,
    )
    return app.run(Home.from_environment(), rhythms)

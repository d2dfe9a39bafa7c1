"""The commands ``device-agent run``, the agent itself, and ``renew``, its look at CA and certificate."""

import argparse
import json
import sys

HEALTH_SECONDS = 60.0
UPDATE_POLL_SECONDS = 300.0
COMPLAINTS_SECONDS = 60.0
IDENTITY_SECONDS = 6 * 3600.0


def add_commands(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``run`` and ``renew``."""
    _add_run(subparsers)
    renew = subparsers.add_parser(
        "renew",
        help="follow the fleet CA and renew the frame's certificate, if it is time",
        description=(
            "Ask whether people rotated the fleet CA, and renew the frame's certificate if it is in the last third "
            "of its life or of a CA that is trusted no more. The agent does this by itself every six hours, and "
            "when the broker is not believed. A frame that slept through a rotation finds back by it."
        ),
        epilog="example:\n  device-agent renew --json",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    renew.add_argument("--json", action="store_true", help="print what changed as JSON")
    renew.set_defaults(run=run_renew)


def _add_run(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
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


def run_renew(arguments: argparse.Namespace) -> int:
    """Run ``renew``: without roots or an answer about the CA, the certificate is still looked after."""
    from device_agent.enrolment.renew import renew_if_due
    from device_agent.errors import AgentError, ServerUnreachable, TrustError
    from device_agent.system import log
    from device_agent.system.home import Home
    from device_agent.system.lock import AlreadyRunning
    from device_agent.update import fleet_ca

    log.configure(default="info")
    home = Home.from_environment()
    failure: AgentError | None = None
    followed = False
    try:
        followed = fleet_ca.follow(home)
    except (ServerUnreachable, TrustError, AlreadyRunning) as error:
        failure = error
    done = {"ca": followed, "certificate": renew_if_due(home)}
    if failure is not None:
        raise failure
    text = json.dumps(done) if arguments.json else ", ".join(f"{what} renewed" for what, new in done.items() if new)
    sys.stdout.write(f"{text or 'nothing was due'}\n")
    return 0

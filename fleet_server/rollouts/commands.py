"""Commands of rollouts, on the server's own machine."""

import argparse

from fleet_server.options import command, loaded

ACTOR = "command line"


def add_commands(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this feature's commands to the parser."""
    rollout = subparsers.add_parser("rollout", help="send a release to frames, watch it, stop it")
    actions = rollout.add_subparsers(dest="action", metavar="ACTION", required=True)
    create = command(
        actions,
        "create",
        "Send a release to named frames or to a share of the fleet.",
        "fleet-server rollout create --data DIR --release nano-1.0.0 --percent 100",
    )
    create.add_argument("--release", required=True, metavar="NAME", help="a published release")
    create.add_argument("--frame", action="append", default=[], metavar="FRAME", help="again for each named frame")
    create.add_argument("--percent", type=float, default=0.0, help="share of all frames, 0 to 100")
    create.add_argument("--draft", action="store_true", help="do not start it yet")
    create.set_defaults(run=create_rollout)

    listing = command(actions, "list", "Show every rollout and how it goes.", "fleet-server rollout list --data DIR")
    listing.set_defaults(run=list_rollouts)

    for name, summary in (
        ("start", "Start a draft."),
        ("halt", "Stop now: frames that have not installed it yet do not go on."),
        ("resume", "Go on with a halted rollout."),
        ("finish", "Offer it to no further frame; it went well."),
        ("withdraw", "End it for good."),
    ):
        parser = command(actions, name, summary, f"fleet-server rollout {name} --data DIR 1")
        parser.add_argument("rollout", type=int, metavar="N", help="number of the rollout")
        parser.add_argument("--reason", default="", help="one sentence for the audit log")
        parser.set_defaults(run=act_on_rollout)


def create_rollout(arguments: argparse.Namespace) -> int:
    """Make a rollout and start it."""
    from fleet_server.db import Database
    from fleet_server.rollouts import service
    from fleet_server.rollouts.policy import Action, Stage

    stage = Stage(percent=arguments.percent, frames=tuple(arguments.frame))
    with Database(loaded(arguments).url).transaction() as session:
        rollout = service.create(session, ACTOR, arguments.release, [stage])
        if not arguments.draft:
            service.act(session, ACTOR, rollout.id, Action.START)
        print(f"rollout {rollout.id} of {arguments.release}: {rollout.state}")  # noqa: T201
    return 0


def list_rollouts(arguments: argparse.Namespace) -> int:
    """Print one line for each rollout."""
    from fleet_server.db import Database
    from fleet_server.rollouts import queries, service

    with Database(loaded(arguments).url).reading() as session:
        for row in queries.all_rollouts(session):
            counts = ", ".join(f"{number} {state}" for state, number in queries.counts(session, row.id).items())
            who = service.describe(service.stages_of(row))
            print(f"{row.id}  {row.release.name}  {row.state}  {who}  {counts or 'no reports yet'}")  # noqa: T201
    return 0


def act_on_rollout(arguments: argparse.Namespace) -> int:
    """Do one action."""
    from fleet_server.db import Database
    from fleet_server.rollouts import service
    from fleet_server.rollouts.policy import Action

    with Database(loaded(arguments).url).transaction() as session:
        rollout = service.act(session, ACTOR, arguments.rollout, Action(arguments.action), arguments.reason)
        print(f"rollout {rollout.id} of {rollout.release.name}: {rollout.state}")  # noqa: T201
    return 0

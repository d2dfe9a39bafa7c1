"""Commands of complaints."""

import argparse
import json
import sys
from pathlib import Path

KINDS = ("lips-do-not-match", "other")


def add_commands(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``complain`` and ``complaints``."""
    complain = subparsers.add_parser(
        "complain",
        help="say that a video is wrong",
        description=(
            "Say that a video is wrong. The complaint is kept on the frame until the server has it. Only with "
            "--consent do video and voice leave the frame."
        ),
        epilog=(
            "example:\n  device-agent complain --video talking.mp4 --voice hello.wav --kind lips-do-not-match "
            "--consent"
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    complain.add_argument("--video", type=Path, required=True, help="the video that was shown, MP4")
    complain.add_argument("--voice", type=Path, required=True, help="the recording it was made from, WAV")
    complain.add_argument("--kind", required=True, choices=KINDS, help="what is wrong")
    complain.add_argument("--text", default="", help="what the owner says, in their own words")
    complain.add_argument("--consent", action="store_true", help="the owner lets support see and hear it")
    complain.add_argument(
        "--model", type=Path, help="directory of the model that made it (default: the one that the video names)"
    )
    complain.add_argument("--json", action="store_true", help="print the result as JSON")
    complain.set_defaults(run=run_complain)
    listing = subparsers.add_parser(
        "complaints",
        help="list this frame's complaints and what became of them",
        description="List this frame's complaints and what became of them.",
        epilog="example:\n  device-agent complaints --json",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    listing.add_argument("--json", action="store_true", help="print the list as JSON")
    listing.set_defaults(run=run_complaints)


def run_complain(arguments: argparse.Namespace) -> int:
    """Run ``complain``."""
    from device_agent.complaints import origin
    from device_agent.complaints.filing import file_and_send
    from device_agent.complaints.spool import Filing
    from device_agent.errors import ModelError
    from device_agent.system import active_model, identity, log
    from device_agent.system.home import Home
    from frame_protocol.complaints import ComplaintKind

    log.configure()
    home = Home.from_environment()
    identity.load(home)
    model = active_model.read(arguments.model) if arguments.model else origin.model_of(arguments.video, home)
    if model is None:
        raise ModelError(
            f"{arguments.model} holds no model package; name the directory of the one that made the video"
        )
    filing = Filing(
        kind=ComplaintKind(arguments.kind),
        text=arguments.text,
        consent=arguments.consent,
        video=arguments.video,
        voice=arguments.voice,
    )
    filed = file_and_send(home, filing, model)
    if arguments.json:
        sys.stdout.write(json.dumps({"complaint_id": filed.complaint_id, "state": filed.state.value}) + "\n")
    else:
        sys.stdout.write(f"complaint {filed.complaint_id}: {filed.state.value}\n")
    if filed.problem:
        sys.stderr.write(f"device-agent: {filed.problem}\n")
    return 0


def run_complaints(arguments: argparse.Namespace) -> int:
    """Run ``complaints``."""
    from device_agent.complaints.sentences import describe
    from device_agent.complaints.spool import Spool
    from device_agent.complaints.upload import list_all
    from device_agent.system import identity
    from device_agent.system.home import Home

    home = Home.from_environment()
    listed = list_all(home, identity.load(home)).complaints
    waiting = [(item.complaint.complaint_id, item.progress.refused) for item in Spool(home).waiting()]
    if arguments.json:
        known = [
            {"complaint_id": item.complaint_id, "state": item.state.value, "release": item.release} for item in listed
        ]
        sys.stdout.write(json.dumps({"complaints": known, "waiting": [name for name, _ in waiting]}) + "\n")
        return 0
    for item in listed:
        sys.stdout.write(describe(item) + "\n")
    for name, refused in waiting:
        sys.stdout.write(f"{name}  {f'refused: {refused}' if refused else 'waits to be sent'}\n")
    if not listed and not waiting:
        sys.stdout.write("no complaints\n")
    return 0

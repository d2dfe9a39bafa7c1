"""Commands of fix: ``analyse`` a clip, ``fix`` what fails in it, ``check-recordings`` of other people."""

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from model_pipeline.fix.complaint import ComplaintCase
    from model_pipeline.fix.result import Result

ANALYSE_EXAMPLE = "example: model-pipeline analyse --video talking.mp4 --voice hello.wav --model nano.lfm"
RECORDINGS_EXAMPLE = "example: model-pipeline check-recordings --model nano.lfm --json reader.json"
FIX_EXAMPLES = """examples:
  model-pipeline fix --complaint case/ --base nano.lfm --out lips.lfd
  model-pipeline fix --server https://fleet.example --token-file FILE --complaint-id ID --base nano.lfm \\
      --out lips.lfd

The outcome (improved, no-improvement) is printed and in the JSON; both are exit code 0. Without an improvement no
delta is written unless --force is given.
"""
DEFAULT_MINUTES = 1.5
DEFAULT_STEPS = 120


def add_commands(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this feature's commands to the parser."""
    _add_analyse(subparsers)
    _add_fix(subparsers)
    parser = subparsers.add_parser(
        "check-recordings", help="the mouth on sentences of a real reader", epilog=RECORDINGS_EXAMPLE
    )
    parser.add_argument("--model", type=Path, required=True, help="model package or its folder")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure")
    parser.set_defaults(run=_check_recordings)


def _add_analyse(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = subparsers.add_parser("analyse", help="say what fails in a talking clip", epilog=ANALYSE_EXAMPLE)
    parser.add_argument("--video", type=Path, required=True, help="the clip (MP4)")
    parser.add_argument("--voice", type=Path, required=True, help="the recording that the clip speaks")
    parser.add_argument("--model", type=Path, required=True, help="model package or its folder, for its face models")
    parser.add_argument("--transcript", help="the English words, if known: sounds are then aligned, not guessed")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure and curve")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the mouth against the sounds (PNG)")
    parser.set_defaults(run=_analyse)


def _add_fix(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = subparsers.add_parser(
        "fix",
        help="turn a confirmed complaint into a LoRA delta",
        epilog=FIX_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--complaint", type=Path, metavar="DIR", help="folder with clip.mp4, voice.wav, complaint.json"
    )
    source.add_argument("--server", metavar="URL", help="fleet server; clip and voice are deleted after the work")
    parser.add_argument("--complaint-id", metavar="ID", help="which complaint, with --server")
    parser.add_argument("--token-file", type=Path, metavar="FILE", help="file with the API token, with --server")
    parser.add_argument("--server-ca", type=Path, metavar="FILE", help="CA certificate of the server, if not public")
    parser.add_argument("--base", type=Path, required=True, help="the installed model package (never changed)")
    parser.add_argument("--out", type=Path, required=True, help="where to write the delta (.lfd)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write outcome and figures")
    parser.add_argument(
        "--minutes", type=float, default=DEFAULT_MINUTES, help="longest training time (default %(default)s)"
    )
    parser.add_argument("--steps", type=int, default=DEFAULT_STEPS, help="training steps (default %(default)s)")
    parser.add_argument(
        "--samples", type=int, metavar="N", help="sentences of each kind (default: as in docs/fix.md)"
    )
    parser.add_argument("--rank", type=int, default=8, help="rank of the delta (default %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="another number, another run (default %(default)s)")
    parser.add_argument("--transcript", help="the English words, if support wrote them down")
    parser.add_argument("--data", type=Path, metavar="DIR", help="measured tracks, which join the replay set")
    parser.add_argument(
        "--laboratory", type=Path, metavar="FILE", help="weights file that the base was exported from"
    )
    parser.add_argument("--force", action="store_true", help="write the delta whatever the verdict")
    parser.set_defaults(run=_fix)


def _analyse(arguments: argparse.Namespace) -> int:
    from model_pipeline.fix.analysis import analyse, sentences
    from model_pipeline.fix.base import engine_errors, opened

    with engine_errors(), opened(arguments.model) as model:
        analysis = analyse(arguments.video, arguments.voice, model, arguments.transcript)
    _say("\n".join(sentences(analysis)))
    _write_json(arguments.json, analysis.report())
    if arguments.plot:
        from model_pipeline.fix.plot import draw

        draw(arguments.plot, analysis.curve, analysis.phones, analysis.measured, arguments.video.name)
    return 0


def _check_recordings(arguments: argparse.Namespace) -> int:
    from model_pipeline.fix import recordings
    from model_pipeline.fix.base import engine_errors, opened

    with engine_errors(), opened(arguments.model) as base:
        scores, each = recordings.check(base, recordings.utterances())
    shares = [f"{name} {share:.2f} of {scores.counts[name]}" for name, share in scores.shares.items()]
    _say(f"{len(each)} recordings; sounds that reach their shape: {', '.join(shares)}")
    _say(f"r with what the sounds expect {scores.r_expected:.2f}, amplitude {scores.amplitude_mm:.1f} mm")
    _write_json(arguments.json, recordings.report(scores, each))
    return 0


def _fix(arguments: argparse.Namespace) -> int:
    from model_pipeline.fix.analysis import sentences
    from model_pipeline.fix.base import engine_errors, opened
    from model_pipeline.fix.display import TrainingBar, result_table
    from model_pipeline.fix.laboratory import LABORATORY_WEIGHTS
    from model_pipeline.fix.plan import Amounts, Plan
    from model_pipeline.fix.recipe import fix
    from model_pipeline.fix.train import Settings

    settings = Settings(
        rank=arguments.rank, steps=arguments.steps, seconds=arguments.minutes * 60, seed=arguments.seed
    )
    plan = Plan(
        settings=settings,
        amounts=Amounts.small(arguments.samples) if arguments.samples else Amounts(),
        transcript=arguments.transcript,
        laboratory=arguments.laboratory or LABORATORY_WEIGHTS,
        data=arguments.data,
        force=arguments.force,
    )
    bar = TrainingBar(settings.seconds)
    with engine_errors(), _complaint(arguments) as case, opened(arguments.base) as base, bar:
        result = fix(case, base, arguments.out, plan, say=bar.say, tick=bar.tick)
    _say("\n".join(sentences(result.analysis)))
    result_table(result)
    _say(_conclusion(result))
    _write_json(arguments.json, result.report())
    return 0


@contextmanager
def _complaint(arguments: argparse.Namespace) -> "Iterator[ComplaintCase]":
    from model_pipeline.errors import DataMissing
    from model_pipeline.fix.complaint import from_folder, from_server

    if arguments.complaint:
        yield from_folder(arguments.complaint)
        return
    if not arguments.complaint_id or not arguments.token_file:
        raise DataMissing("Expected --complaint-id and --token-file beside --server; give both.")
    if not arguments.token_file.is_file():
        raise DataMissing(f"Expected a file with the API token, {arguments.token_file} is missing.")
    token = arguments.token_file.read_text().strip()
    with from_server(arguments.server, arguments.complaint_id, token, arguments.server_ca) as case:
        yield case


def _conclusion(result: "Result") -> str:
    lines = [f"outcome: {result.verdict.outcome.value}"]
    lines += [f"  better: {item}" for item in result.verdict.better]
    lines += [f"  worse:  {item}" for item in result.verdict.worse]
    lines.append(f"delta: {result.delta}" if result.delta else "no delta was written")
    return "\n".join(lines)


def _write_json(path: Path | None, report: dict[str, Any]) -> None:
    if path:
        path.write_text(json.dumps({"v": 1, **report}, indent=1) + "\n")


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")

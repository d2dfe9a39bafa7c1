"""The use case: a folder of videos becomes tracks and photos to train on."""

from collections.abc import Callable
from pathlib import Path

from model_pipeline.prepare import collect, pipeline, runner
from model_pipeline.prepare.faces import FaceFinder
from model_pipeline.prepare.pipeline import Settings
from model_pipeline.prepare.progress import Tick
from model_pipeline.prepare.report import Report, StageReport
from model_pipeline.prepare.runner import Unit
from model_pipeline.prepare.stages import find

STAGES = "stages"
PART_S = 60.0
"""A recording is worked on a minute at a time: no more is lost when the work is killed, or held in memory."""
MAX_MINUTES = 120.0

Begin = Callable[[str, int], Tick]
"""Called with a stage's name and its number of inputs; gives a function that takes how many are done."""


def prepare(  # noqa: PLR0917
    videos: Path, out: Path, begin: Begin, settings: Settings | None = None, max_minutes: float = MAX_MINUTES,
    finder: FaceFinder | None = None,
) -> Report:  # fmt: skip
    """Run every stage on every video of ``videos``; write tracks, photos, sheet and report to ``out``.

    Goes on where a killed run stopped; does nothing where nothing changed. Raises DataMissing without any video.
    """
    settings = settings or Settings()
    parts = find.recordings(videos, PART_S, max_minutes)
    units, first = _find(parts, out / STAGES / f"00-{find.NAME}", begin, settings, finder)
    reports = [first]
    for number, stage in enumerate(pipeline.stages(settings), 1):
        report, folder = StageReport(stage.name), out / STAGES / f"{number:02d}-{stage.name}"
        runner.sweep(folder, {unit.name for unit in units})
        tick, after = begin(stage.name, len(units)), []
        for index, unit in enumerate(units):
            done = runner.run(stage, unit, folder, _shifted(tick, index))
            report.add(done.outcome, fresh=done.fresh)
            after += done.clips
            tick(index + 1)
        units = after
        reports.append(report)
    whole = Report(reports, recordings=len({part.source for part in parts}))
    whole.speakers, whole.photos = collect.collect(units, out)
    whole.write(out)
    return whole


def _find(
    parts: list[find.Recording], folder: Path, begin: Begin, settings: Settings, finder: FaceFinder | None
) -> tuple[list[Unit], StageReport]:
    report, found = StageReport(find.NAME), []
    digests = {path: runner.digest_of(path) for path in {part.path for part in parts}}
    names = [f"{find.word(part.source)}-{round(part.start):06d}" for part in parts]
    runner.sweep(folder, set(names))
    tick = begin(find.NAME, len(parts))
    for index, (name, part) in enumerate(zip(names, parts, strict=True)):
        stage = pipeline.finding(part, settings, finder)
        done = runner.run(stage, Unit(name, part.path, digests[part.path]), folder, _shifted(tick, index))
        report.add(done.outcome, fresh=done.fresh)
        found += done.clips
        tick(index + 1)
    return found, report


def _shifted(tick: Tick, done: int) -> Tick:
    return lambda share: tick(done + share)

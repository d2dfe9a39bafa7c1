"""Which stages there are, in their order, with their settings."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from model_pipeline.prepare.faces import FaceFinder, MeshTracker
from model_pipeline.prepare.outcome import Outcome
from model_pipeline.prepare.progress import Tick
from model_pipeline.prepare.stages import align, dejitter, find, half, music, occlude, pose, speech, yellow
from model_pipeline.prepare.stages.align import AlignSettings
from model_pipeline.prepare.stages.dejitter import DejitterSettings
from model_pipeline.prepare.stages.find import FindSettings
from model_pipeline.prepare.stages.half import HalfSettings
from model_pipeline.prepare.stages.music import MusicSettings
from model_pipeline.prepare.stages.occlude import OccludeSettings
from model_pipeline.prepare.stages.pose import PoseSettings
from model_pipeline.prepare.stages.speech import SpeechSettings
from model_pipeline.prepare.stages.yellow import YellowSettings

Work = Callable[[Path, Path, Tick], Outcome]
"""Clip folder, folder for the clips made of it, progress -> what came of it."""
VERSION = 1
"""Raised when a stage computes something else than before: what it made is then made again."""


@dataclass(frozen=True)
class Settings:
    """The settings of every stage."""

    find: FindSettings = field(default_factory=FindSettings)
    dejitter: DejitterSettings = field(default_factory=DejitterSettings)
    align: AlignSettings = field(default_factory=AlignSettings)
    music: MusicSettings = field(default_factory=MusicSettings)
    speech: SpeechSettings = field(default_factory=SpeechSettings)
    pose: PoseSettings = field(default_factory=PoseSettings)
    occlude: OccludeSettings = field(default_factory=OccludeSettings)
    yellow: YellowSettings = field(default_factory=YellowSettings)
    half: HalfSettings = field(default_factory=HalfSettings)


@dataclass(frozen=True)
class Stage:
    """A stage as the runner sees it."""

    name: str
    work: Work
    settings: dict[str, Any]
    """Everything that changes what it makes."""


def stages(settings: Settings) -> Sequence[Stage]:
    """Return the stages that follow ``find``, in order."""
    works: dict[str, Work] = {
        dejitter.NAME: lambda source, target, tick: dejitter.dejitter(source, target, settings.dejitter, tick),
        align.NAME: lambda source, target, tick: align.align(source, target, settings.align, tick),
        music.NAME: lambda source, target, tick: music.music(source, target, settings.music, tick),
        speech.NAME: lambda source, target, tick: speech.speech(source, target, _listen(), settings.speech, tick),
        pose.NAME: lambda source, target, tick: pose.pose(source, target, settings.pose, tick),
        occlude.NAME: lambda source, target, tick: occlude.occlude(source, target, settings.occlude, tick),
        yellow.NAME: lambda source, target, tick: yellow.yellow(source, target, settings.yellow, tick),
        half.NAME: lambda source, target, tick: half.half(source, target, settings.half, tick),
    }
    return [
        Stage(name, work, {"version": VERSION, **asdict(getattr(settings, name))}) for name, work in works.items()
    ]


def finding(recording: find.Recording, settings: Settings, finder: FaceFinder | None = None) -> Stage:
    """Return the first stage, for one stretch of a recording; its input is the recording's own file."""

    def work(_: Path, target: Path, tick: Tick) -> Outcome:
        return find.find(recording, target, finder or _tracker(), settings.find, tick)

    about = {"start": recording.start, "stop": recording.stop, "speaker": recording.speaker, "why": recording.trouble}
    return Stage(find.NAME, work, {"version": VERSION, **about, **asdict(settings.find)})


_listen = cache(speech.listener)
_tracker = cache(MeshTracker)

"""What came of a folder of videos: counts and seconds of each stage, and what was set aside for which reason."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from model_pipeline.prepare.outcome import ADVICE, Outcome, SetAside, Why
from model_pipeline.prepare.stages.find import NAME as FIND

REPORT = "report.json"


@dataclass
class StageReport:
    """The sum of one stage's outcomes."""

    name: str
    inputs: int = 0
    clips: int = 0
    made_now: int = 0
    seconds_in: float = 0.0
    seconds_out: float = 0.0
    set_aside: list[SetAside] = field(default_factory=list)
    figures: dict[str, list[float]] = field(default_factory=dict)

    def add(self, outcome: Outcome, *, fresh: bool) -> None:
        """Take over one outcome."""
        self.inputs += 1
        self.made_now += fresh
        self.clips += len(outcome.kept)
        self.seconds_in += outcome.seconds_in
        self.seconds_out += outcome.seconds_out
        self.set_aside += outcome.set_aside
        for name, value in outcome.figures.items():
            self.figures.setdefault(name, []).append(value)

    def means(self) -> dict[str, float]:
        """Return the figures, averaged over clips."""
        return {name: round(sum(values) / len(values), 4) for name, values in self.figures.items()}


@dataclass
class Report:
    """The whole preparation."""

    stages: list[StageReport]
    recordings: int
    speakers: dict[str, float] = field(default_factory=dict)
    """Seconds of each speaker's tracks."""
    photos: int = 0

    @property
    def seconds(self) -> float:
        """Seconds to train on."""
        return sum(self.speakers.values())

    @property
    def fresh(self) -> int:
        """How much was made now."""
        return sum(stage.made_now for stage in self.stages)

    def quarantine(self) -> list[dict[str, Any]]:
        """Return recording, stage, reason, seconds and advice of all that was set aside, the longest first."""
        sums: dict[tuple[str, str, str, str], float] = {}
        for stage in self.stages:
            for item in stage.set_aside:
                place = (item.source, stage.name, item.why.value, item.detail)
                sums[place] = sums.get(place, 0.0) + item.seconds
        entries = [
            {"recording": source, "stage": stage, "why": why, "seconds": round(seconds, 2), "detail": detail,
             "what_to_do": ADVICE[Why(why)]}
            for (source, stage, why, detail), seconds in sums.items()
        ]  # fmt: skip
        return sorted(entries, key=lambda entry: (-float(str(entry["seconds"])), str(entry["recording"])))

    def as_json(self) -> dict[str, Any]:
        """Return the report; keys in docs/model/training.md."""
        first = next(stage for stage in self.stages if stage.name == FIND)
        return {
            "v": 1,
            "recordings": self.recordings,
            "seconds_recorded": round(first.seconds_in, 2),
            "seconds_to_train_on": round(self.seconds, 2),
            "photos": self.photos,
            "speakers": {name: round(value, 2) for name, value in sorted(self.speakers.items())},
            "stages": [
                {
                    "name": stage.name, "inputs": stage.inputs, "clips": stage.clips,
                    "seconds_in": round(stage.seconds_in, 2), "seconds_out": round(stage.seconds_out, 2),
                    "figures": stage.means(),
                }
                for stage in self.stages
            ],
            "set_aside": self.quarantine(),
        }  # fmt: skip

    def write(self, folder: Path) -> Path:
        """Write ``report.json`` and return its path."""
        path = folder / REPORT
        path.write_text(json.dumps(self.as_json(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        return path

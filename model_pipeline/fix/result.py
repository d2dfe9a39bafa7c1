"""What came of a complaint: the verdict, what it rests on, and the delta if there is one."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from model_pipeline.fix.analysis import Analysis
from model_pipeline.fix.guard import Scores
from model_pipeline.fix.train import Trained
from model_pipeline.fix.verdict import Verdict

SIDES = ("before", "after")


@dataclass(frozen=True)
class Result:
    """What came of a complaint."""

    verdict: Verdict
    analysis: Analysis
    trained: Trained
    complaint_scores: tuple[Scores, Scores]
    replay_scores: tuple[Scores, Scores]
    base_weights_sha256: str
    result_weights_sha256: str
    delta: Path | None

    def report(self) -> dict[str, Any]:
        """Return the result as JSON values; keys are documented in docs/fix.md."""
        return {
            "outcome": self.verdict.outcome.value,
            "delta": None if self.delta is None else str(self.delta),
            "base_weights_sha256": self.base_weights_sha256,
            "result_weights_sha256": self.result_weights_sha256,
            "better": self.verdict.better,
            "worse": self.verdict.worse,
            "findings": [asdict(item) for item in self.analysis.findings],
            "complaint_voice": {name: asdict(part) for name, part in zip(SIDES, self.complaint_scores, strict=True)},
            "replay": {name: asdict(part) for name, part in zip(SIDES, self.replay_scores, strict=True)},
            "training": {
                "steps": self.trained.steps,
                "best_step": self.trained.best.step,
                "seconds": round(self.trained.history[-1].seconds, 1),
                "history": [asdict(item) for item in self.trained.history],
            },
        }

"""From predictions to figures: means over seeds and clips, GRID and the rest apart, lags, the judge, flow."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field

import numpy as np

from model_pipeline.data.tracks import Track
from model_pipeline.evaluate.choose import chosen
from model_pipeline.evaluate.fluency import similarity
from model_pipeline.evaluate.judge import Judge, Sync
from model_pipeline.evaluate.predict import Predictions
from model_pipeline.evaluate.score import Score, mean_score, score, truth

OURS, TRUTH = "ours", "truth"
"""The model with each fold's setting chosen by the other folds; real people."""
GRID = "grid_"
NEAR_FRAMES = 1
LONG_S = 8.0
"""From this length on engine.md quotes the sync of real people."""
FPS = 25
Task = tuple[int, int]
"""Fold and seed."""


@dataclass
class Report:
    """Every figure of an evaluation."""

    scores: dict[str, dict[str, list[Score]]] = field(default_factory=dict)
    """row -> clip -> a score for each seed."""
    syncs: dict[str, dict[str, list[Sync]]] = field(default_factory=dict)
    flow: dict[str, dict[str, float]] = field(default_factory=dict)
    """row -> centred and uncentred similarity of adjacent frames."""
    codebook: dict[str, tuple[float, float]] = field(default_factory=dict)
    """what -> share of the codes used, perplexity."""
    chosen: dict[str, str] = field(default_factory=dict)
    """``fold F seed S`` -> setting."""
    seconds: dict[str, float] = field(default_factory=dict)
    trusted: list[str] = field(default_factory=list)
    settings: dict[str, object] = field(default_factory=dict)

    def table(self) -> dict[str, dict[str, float]]:
        """Mean over clips and seeds of every row, with GRID and the rest apart and the spread over seeds."""
        return {row: self._figures(row) for row in self.scores}

    def _figures(self, row: str) -> dict[str, float]:
        clips = self.scores[row]
        seeds = range(max(len(runs) for runs in clips.values()))
        by_seed = [float(np.mean([runs[s].r_opening for runs in clips.values() if s < len(runs)])) for s in seeds]
        weights = np.array([self.seconds[clip] for clip in clips])
        opening = {clip: float(np.mean([s.r_opening for s in runs])) for clip, runs in clips.items()}
        values = np.array(list(opening.values()))
        syncs = [sync for runs in self.syncs.get(row, {}).values() for sync in runs]
        return {
            **mean_score([s for runs in clips.values() for s in runs]),
            "r_opening_by_seconds": float((values * weights).sum() / weights.sum()),
            "r_opening_grid": _mean(r for clip, r in opening.items() if clip.startswith(GRID)),
            "r_opening_rest": _mean(r for clip, r in opening.items() if not clip.startswith(GRID)),
            "r_opening_sd_of_seeds": float(np.std(by_seed)),
            "lag_near_share": self.near(row),
            "sync_r": _mean(sync.r for sync in syncs),
            "sync_confidence": _mean(sync.confidence for sync in syncs),
        }

    def near(self, row: str) -> float:
        """Share of trusted clips (and seeds) whose lag is at most NEAR_FRAMES."""
        lags = [s.lag_frames for clip in self.trusted for s in self.scores[row].get(clip, [])]
        return _mean(float(abs(lag) <= NEAR_FRAMES) for lag in lags)

    def sync_of_long_clips(self) -> dict[str, dict[str, float]]:
        """Row -> the judge's figures over clips of at least LONG_S."""
        found = {}
        for row, clips in self.syncs.items():
            syncs = [s for clip, runs in clips.items() if self.seconds[clip] >= LONG_S for s in runs]
            if syncs:
                found[row] = {"r": _mean(s.r for s in syncs), "confidence": _mean(s.confidence for s in syncs)}
        return found

    def as_json(self) -> dict[str, object]:
        """Return the report; keys: ``model-pipeline evaluate --help``."""
        clips = {
            row: {c: [asdict(s) for s in runs] for c, runs in found.items()} for row, found in self.scores.items()
        }
        return {
            "v": 2, "settings": self.settings, "chosen": self.chosen, "rows": self.table(), "flow": self.flow,
            "codebook": self.codebook, "sync_long": self.sync_of_long_clips(),
            "trusted_lags": self.trusted, "clips": clips,
        }  # fmt: skip


def build(
    tracks: Sequence[Track],
    predictions: Mapping[Task, Predictions],
    judges: Mapping[int, Judge],
    trusted: Iterable[str],
    candidates: Sequence[str],
) -> Report:
    """Score ``predictions``; ``candidates`` are the rows among which each fold's setting is chosen."""
    by_id = {track.id: track for track in tracks}
    report = Report()
    scored = {
        task: {
            row: {c: score(lips, truth(by_id[c])) for c, lips in clips.items()} for row, clips in found.lips.items()
        }
        for task, found in predictions.items()
    }
    flows: dict[str, list[tuple[float, float]]] = {}
    for (fold, seed), found in sorted(predictions.items(), key=lambda item: (item[0][1], item[0][0])):
        own = _choice(scored, candidates, fold, seed)
        report.chosen[f"fold {fold} seed {seed}"] = own
        for row in found.lips:
            _add(report, row, scored[fold, seed][row])
            _judge(report, row, found.lips[row], judges[fold], by_id)
        _add(report, OURS, scored[fold, seed][own])
        _judge(report, OURS, found.lips[own], judges[fold], by_id)
        for row, source in ((TRUTH, TRUTH), (OURS, own)):
            flows.setdefault(row, []).extend(_flow(codes) for codes in found.codes[source].values())
        if seed == 0:
            clips = {clip: truth(by_id[clip]) for clip in found.codes[TRUTH]}
            _judge(report, TRUTH, clips, judges[fold], by_id)
            _mismatch(report, clips, judges[fold], tracks)
    report.flow = {
        row: dict(zip(("centred", "uncentred"), np.mean(f, axis=0), strict=True)) for row, f in flows.items()
    }
    report.seconds = {clip: len(by_id[clip].points) / FPS for clip in report.scores[OURS]}
    report.trusted = sorted(clip for clip in trusted if clip in report.seconds)
    return report


def _choice(
    scored: Mapping[Task, Mapping[str, Mapping[str, Score]]], candidates: Sequence[str], fold: int, seed: int
) -> str:
    same_seed = {f: rows for (f, s), rows in scored.items() if s == seed}
    return chosen(
        {f: {c: [s.r_opening for s in rows[c].values()] for c in candidates} for f, rows in same_seed.items()}, fold
    )


def _add(report: Report, row: str, scores: Mapping[str, Score]) -> None:
    for clip, one in scores.items():
        report.scores.setdefault(row, {}).setdefault(clip, []).append(one)


def _judge(
    report: Report, row: str, lips: Mapping[str, np.ndarray], judge: Judge, tracks: Mapping[str, Track]
) -> None:
    for clip, points in lips.items():
        report.syncs.setdefault(row, {}).setdefault(clip, []).append(judge.sync(tracks[clip].audio, points))


def _mismatch(report: Report, clips: Mapping[str, np.ndarray], judge: Judge, tracks: Sequence[Track]) -> None:
    """Judge real lips beside other people's sound: what chance gets."""
    speakers = {track.id: track.speaker for track in tracks}
    for clip, lips in clips.items():
        for other in tracks:
            frames = min(len(other.points), len(lips))
            if other.speaker != speakers[clip] and frames == len(lips):
                report.syncs.setdefault("mismatched", {}).setdefault(clip, []).append(judge.sync(other.audio, lips))


def _flow(codes: np.ndarray) -> tuple[float, float]:
    return similarity(codes, centred=True), similarity(codes, centred=False)


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return float(np.mean(found)) if found else float("nan")

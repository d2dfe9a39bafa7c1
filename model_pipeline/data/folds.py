"""Which speakers are held out together: ``folds.csv``, five folds; clips of one person never part."""

import csv
from collections.abc import Sequence
from importlib.resources import files

from model_pipeline.data.tracks import Track
from model_pipeline.errors import DataMissing

FOLDS = 5


def fold_of() -> dict[str, int]:
    """Return speaker -> fold."""
    text = files("model_pipeline.data").joinpath("folds.csv").read_text(encoding="utf-8")
    return {row["speaker"]: int(row["fold"]) for row in csv.DictReader(text.splitlines())}


def split(tracks: Sequence[Track], fold: int) -> tuple[list[Track], list[Track]]:
    """Return the tracks to train on and those held out."""
    folds = fold_of()
    unknown = sorted({t.speaker for t in tracks} - folds.keys())
    if unknown:
        raise DataMissing(f"speakers {unknown} are in no fold; add them to model_pipeline/data/folds.csv")
    return [t for t in tracks if folds[t.speaker] != fold], [t for t in tracks if folds[t.speaker] == fold]

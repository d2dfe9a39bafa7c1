"""The mouth on recordings of people whose words are known and that nothing was trained on: a reader of LibriVox.

Debian's pocketsphinx-testdata holds five sentences (public domain) with their words. One reader is no statistics, but
a real one: synthetic speech flatters whoever learnt from it.
"""

import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

from device_agent.engine import package
from device_agent.engine.loaded import Engine
from model_pipeline.errors import DataMissing
from model_pipeline.fix.guard import Scores, Utterance, pooled, spoken_curve
from model_pipeline.fix.measure import Measurement, measure
from model_pipeline.fix.media import read_sound
from model_pipeline.fix.recogniser import phones_of

RECORDINGS = Path("/usr/share/pocketsphinx/test/data/librivox")
_LINE = re.compile(r"<s>(?P<words>.*)</s> *\((?P<name>[^)]+)\)")


def utterances(folder: Path = RECORDINGS) -> dict[str, Utterance]:
    """Return sound and aligned sounds of every recording that ``transcription`` in ``folder`` names."""
    listing = folder / "transcription"
    if not listing.is_file():
        raise DataMissing(f"Expected {listing}; install it: apt install pocketsphinx-testdata")
    found = {}
    for line in _LINE.finditer(listing.read_text(encoding="utf-8")):
        sound = read_sound(folder / f"{line['name']}.wav")
        found[line["name"]] = Utterance(sound, phones_of(sound, line["words"].strip()))
    return found


def check(base: Path, spoken: dict[str, Utterance]) -> tuple[Scores, dict[str, Measurement]]:
    """Let the unpacked package ``base`` speak every recording without a photo; all together, and each."""
    engine = Engine(package.load(base))
    prompt = engine.motion.null_prompt()
    each = {name: measure(spoken_curve(engine, item, prompt), item.phones) for name, item in spoken.items()}
    return pooled(list(each.values())), each


def report(scores: Scores, each: dict[str, Measurement]) -> dict[str, Any]:
    """Return the figures as JSON values: ``all`` (fields of ``Scores``) and ``recordings`` by name."""
    wanted = ("closure_share", "amplitude_mm", "r_expected", "lag_frames", "jitter_mm")
    return {
        "all": asdict(scores),
        "recordings": {name: {key: getattr(item, key) for key in wanted} for name, item in each.items()},
    }

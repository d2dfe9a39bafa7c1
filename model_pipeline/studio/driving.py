"""What moves the rendered heads in the evaluation: rules on voices that no training heard, and real tracks."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from device_agent.engine import canonical, features
from model_pipeline.data import espeak, visemes
from model_pipeline.data.tracks import Track, by_speaker, closed_mouth
from model_pipeline.studio.head import Head
from model_pipeline.studio.rig import Rig

Floats = NDArray[np.float64]
UNSEEN = (
    ("en-us+Annie", "Bob's mum put the plum jam upon a marble tabletop.", "Maybe Pam will remember my umbrella."),
    ("en-us+adam", "Pebbles tumble beneath the humble bumblebee.", "Empty palaces make poor company."),
    (
        "en-gb-x-rp+Michael",
        "My grandpa bought a pumpkin and a pear.",
        "Problems seldom become simpler by themselves.",
    ),
    (
        "en-us+linda",
        "The plumber's apprentice brought pipes and a hammer.",
        "Bring the baby some apple crumble.",
    ),
    (
        "cmn-latn-pinyin+Alicia",
        "ba4 ba5 mai3 ping2 guo3, ma1 ma5 pao4 mo4 li4.",
        "peng2 you3 men5 bang1 wo3 ban1 bao1.",
    ),
    ("de+Mario", "Peter packt am Abend ein paar bunte Lampen.", "Mein Bruder malt einen Baum am Bach."),
)
"""Voice of espeak-ng and two sentences; neither these voices nor these sentences are used in training."""
STYLE = visemes.Style(opening=1.3, width=1.0, lead=0.0225)
"""The mean of the styles that training draws: nobody hears from a voice how far its owner opens the mouth."""
BEFORE_S, PAUSE_S = 0.5, 1.4
SILENT_S = 1.0
"""The middle of the pause between both sentences, in which the mouth is to rest."""
STEPS = 400
STIFFNESS = 0.02
"""Cost of a facial action of 1, mm^2 for each of the 40 points: keeps actions that undo each other small."""
DEPTH_WEIGHT = 0.1
"""Of an error in depth against one in the picture: the tracker guesses depth."""
SPEAKING = ("jaw", "mouth", "cheekPuff")


@dataclass(frozen=True)
class Performance:
    """Sound, and facial actions of T frames that go with it."""

    name: str
    audio: NDArray[np.float32]
    """16 kHz."""
    pulls: tuple[visemes.Pull, ...] = ()
    silent: tuple[int, int] = (0, 0)
    """Frames of a second in which nobody speaks."""


def spoken(number: int) -> Performance:
    """Speak two unseen sentences in an unseen voice, a pause between them."""
    voice, *sentences = UNSEEN[number % len(UNSEEN)]
    pieces, pulls, at, silent = [], [], 0.0, (0, 0)
    for index, (pause, sentence) in enumerate(zip((BEFORE_S, PAUSE_S), sentences, strict=True)):
        pieces.append(np.zeros(round(pause * features.SAMPLE_RATE), dtype=np.float32))
        pulls.append(visemes.Pull(visemes.Viseme.SILENCE, at, at + pause))
        if index:
            first = round((at + (pause - SILENT_S) / 2) * features.VIDEO_FPS)
            silent = (first, first + round(SILENT_S * features.VIDEO_FPS))
        said = espeak.say(sentence, voice)
        at += pause
        pulls += [visemes.Pull(p.viseme, p.start + at, p.end + at) for p in visemes.pulls(said.phonemes)]
        pieces.append(said.audio)
        at += said.audio.size / features.SAMPLE_RATE
    pieces.append(np.zeros(round(BEFORE_S * features.SAMPLE_RATE), dtype=np.float32))
    pulls.append(visemes.Pull(visemes.Viseme.SILENCE, at, at + BEFORE_S))
    return Performance(voice, np.concatenate(pieces), tuple(pulls), silent)


def by_rules(rig: Rig, performance: Performance) -> Floats:
    """Return facial actions [T,52] by the viseme rules."""
    frames = features.frame_count(performance.audio.size)
    return rig.speak(visemes.lips(performance.pulls, frames, None, STYLE))


def lip_motion(tracks: Sequence[Track], points: NDArray[np.floating]) -> dict[str, Floats]:
    """Return, by clip, the motion [T,40,3] of the lips in canonical mm from the speaker's closed mouth."""
    found, lips = {}, list(canonical.LIPS)
    for group in by_speaker(list(tracks)).values():
        neutral = closed_mouth(np.concatenate([track.points for track in group]))
        turn = canonical.align(neutral, points)
        for track in group:
            moved = (track.points - neutral)[:, lips].astype(np.float64)
            found[track.id] = moved @ turn.rotation.T * turn.scale
    return found


def by_track(head: Head, motion: Floats) -> tuple[Floats, float]:
    """Return facial actions [T,52] in 0..1 whose lips move as ``motion`` [T,40,3], and the rest of it in mm.

    Least squares within bounds by accelerated projected gradients (Beck and Teboulle, SIAM J. Imaging 2(1), 2009).
    """
    usable = np.array([name.startswith(SPEAKING) for name in head.asset.unit_names])
    weight = np.sqrt(np.array([1.0, 1.0, DEPTH_WEIGHT]))
    basis = (head.lip_actions[usable] * weight).reshape(int(usable.sum()), -1)
    wanted = (motion * weight).reshape(len(motion), -1)
    gram = basis @ basis.T + STIFFNESS * motion.shape[1] * np.eye(len(basis))
    aim, rate = wanted @ basis.T, 1.0 / float(np.linalg.eigvalsh(gram)[-1])
    shares, ahead, speed = np.zeros((len(motion), len(basis))), np.zeros((len(motion), len(basis))), 1.0
    for _ in range(STEPS):
        after = np.clip(ahead - rate * (ahead @ gram - aim), 0.0, 1.0)
        faster = (1 + np.sqrt(1 + 4 * speed**2)) / 2
        ahead = after + (speed - 1) / faster * (after - shares)
        shares, speed = after, faster
    every = np.zeros((len(motion), len(usable)))
    every[:, usable] = shares
    left = head.lips(every) - head.lips_at_rest - motion
    return every, float(np.linalg.norm(left[..., :2], axis=-1).mean())

"""What a stage says of a clip: what it kept, and what it set aside for which reason."""

from dataclasses import dataclass, field
from enum import StrEnum


class Why(StrEnum):
    """Reasons for setting sound and pictures aside; ``ADVICE`` says what a person can do."""

    UNREADABLE = "unreadable"
    NO_PICTURE = "no picture"
    NO_SOUND = "no sound"
    TOO_LONG = "too long"
    NO_FACE = "no face"
    SEVERAL_FACES = "several faces"
    SMALL_FACE = "small face"
    TOO_SHORT = "too short"
    LOST_FACE = "lost face"
    SILENCE = "silence"
    TURNED_AWAY = "turned away"


ADVICE = {
    Why.UNREADABLE: "the file cannot be decoded to its end: copy it again, or convert it to MP4",
    Why.NO_PICTURE: "the file has no video: give videos of a speaking face",
    Why.NO_SOUND: "the file has no sound: lips can only be learnt beside the voice that moves them",
    Why.TOO_LONG: "the recording is longer than --max-minutes: cut it, or raise the limit (1 h fills about 8 GB)",
    Why.NO_FACE: "no face was found there: show one face, lit from the front",
    Why.SEVERAL_FACES: "more than one face is in the picture, and which one speaks is not known: crop to the speaker",
    Why.SMALL_FACE: "fewer than 40 pixels lie between the eyes: record closer, or in a higher resolution",
    Why.TOO_SHORT: "the face, or the speech, lasts less than a second at a stretch: nothing can be learnt from it",
    Why.LOST_FACE: "the 68 points do not fit a face in most frames: hands, a turned head or a cut are in the way",
    Why.SILENCE: "nobody speaks there",
    Why.TURNED_AWAY: "the head is turned by more than 60 degrees, where the lips are hidden",
}
"""What each reason means and what to do; shown in the report."""


@dataclass(frozen=True)
class SetAside:
    """A stretch of a recording that a stage does not pass on."""

    source: str
    """The recording's path below the folder of videos."""
    why: Why
    seconds: float
    detail: str = ""


@dataclass
class Outcome:
    """What one stage made of one clip (or of one minute of a recording)."""

    kept: list[str] = field(default_factory=list)
    """Names of the clip folders written."""
    set_aside: list[SetAside] = field(default_factory=list)
    seconds_in: float = 0.0
    seconds_out: float = 0.0
    figures: dict[str, float] = field(default_factory=dict)
    """What the stage measured; the report shows means over clips."""

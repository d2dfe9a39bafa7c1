"""A name is the whole text: a line end after it makes it another, which no program of ours may take for the first."""

import re
from pathlib import Path

import msgspec
import pytest

from frame_protocol import topics
from frame_protocol.names import BootId, FrameId, ReleaseName, Sha256, Uuid

REPOSITORY = Path(__file__).resolve().parents[2]
NAMES = [
    (FrameId, "frame-ab12"),
    (BootId, "0" * 16),
    (Sha256, "a" * 64),
    (Uuid, "0" * 8 + "-0000-0000-0000-" + "0" * 12),
    (ReleaseName, "nano-1.0.0"),
]


@pytest.mark.parametrize(("kind", "name"), NAMES, ids=lambda value: value if isinstance(value, str) else "")
def test_a_line_end_after_a_name_is_not_the_name(kind, name):
    assert msgspec.convert(name, kind) == name
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(name + "\n", kind)


def test_nor_after_a_topic():
    topic = topics.telemetry("frame-ab12")
    assert topics.parse(topic) == ("frame-ab12", "telemetry")
    assert topics.parse(topic + "\n") is None


def test_no_pattern_of_the_protocol_ends_before_a_line_end():
    """``$`` also matches before a line end that closes the text; ``\\Z`` matches at its end alone."""
    for path in (REPOSITORY / "frame_protocol").glob("*.py"):
        assert not re.search(r'\$"\s*[,)\]]|\$"$', path.read_text(encoding="utf-8"), re.MULTILINE), path.name

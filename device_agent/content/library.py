"""The song packs that are active on the frame, read from their files alone."""

from dataclasses import dataclass
from pathlib import Path

from frame_protocol.content import MAX_PACK_BYTES, ContentPack, decode_pack
from frame_protocol.errors import ProtocolError


@dataclass(frozen=True)
class Library:
    """What is installed; a pack that cannot be read is a problem in words."""

    packs: tuple[ContentPack, ...]
    """Those that have songs, by name."""
    problems: tuple[str, ...]


def read(active: Path) -> Library:
    """Read the directory that the link ``active`` leads to; without one nothing is installed.

    The link is followed once: an update that swaps it meanwhile leaves this reading whole.
    """
    directory = active.resolve()
    packs, problems = [], []
    for path in sorted(directory.glob("*.json")) if directory.is_dir() else []:
        try:
            packs.append(_read(path))
        except (OSError, ProtocolError) as error:
            problems.append(f"{path.name}: {error}; it comes back with the next release of song packs")
    return Library(tuple(pack for pack in packs if pack.songs), tuple(problems))


def _read(path: Path) -> ContentPack:
    with path.open("rb") as file:
        return decode_pack(file.read(MAX_PACK_BYTES + 1))

"""The place of song packs: a directory with one file for each pack, never changed, always replaced as a whole."""

from contextlib import suppress
from pathlib import Path

from device_agent.errors import UpdateFailed
from device_agent.system import disk, files
from frame_protocol.content import MAX_PACK_BYTES, ContentPack, decode_pack, pack_file
from frame_protocol.errors import ProtocolError


def add(source: Path, base: Path | None, target: Path) -> None:
    """Fill ``target`` with the packs of ``base``, the pack in ``source`` among them in place of its older version.

    Raises UpdateFailed when ``source`` is no pack, or not a newer one.
    """
    data = _read(source)
    pack = _decode(data, "the song pack")
    if base is not None:
        _copy_missing(base, target)
    path = target / pack_file(pack.pack)
    if path.exists():
        _check_newer(pack, data, _read(path))
    with files.disk_errors(f"cannot write {path}"), disk.create(path) as file:
        file.write(data)


def read_all(directory: Path) -> list[ContentPack]:
    """Return the packs in ``directory`` by name, those without songs among them; UpdateFailed when one is damaged."""
    packs = []
    with files.disk_errors(f"cannot read {directory}"):
        paths = sorted(directory.iterdir())
    for path in paths:
        pack = _decode(_read(path), path.name)
        if path.name != pack_file(pack.pack):
            raise UpdateFailed(f"{path.name} holds the song pack {pack.pack}; it is installed anew by a release")
        packs.append(pack)
    return packs


def _copy_missing(base: Path, target: Path) -> None:
    """Take over the packs that can be read; one that has suffered must not stand in the way of its successor."""
    with files.disk_errors(f"cannot read {base}"):
        paths = sorted(base.iterdir())
    for path in paths:
        with suppress(UpdateFailed):
            _decode(_read(path), path.name)
            if not (target / path.name).exists():
                files.copy(path, target / path.name)


def _check_newer(pack: ContentPack, data: bytes, before: bytes) -> None:
    """Pass a higher version, or the same bytes again."""
    installed = _decode(before, "the installed song pack")
    if pack.version <= installed.version and data != before:
        raise UpdateFailed(
            f"the song pack {pack.pack} came as version {pack.version}; version {installed.version} is installed"
        )


def _read(path: Path) -> bytes:
    """Read a file, no more of it than tells that it is too long."""
    with files.disk_errors(f"cannot read {path}"), path.open("rb") as file:
        return file.read(MAX_PACK_BYTES + 1)


def _decode(data: bytes, what: str) -> ContentPack:
    try:
        return decode_pack(data)
    except ProtocolError as error:
        raise UpdateFailed(f"{what} is not one that this frame reads: {error}") from error

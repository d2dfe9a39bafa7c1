"""The tar of a model package or delta: read strictly, written nowhere but below one directory, bounded in size.

Only what docs/protocol.md allows is accepted: plain ustar headers, regular files, names without a way out, the
manifest first, the rest sorted and exactly as the manifest lists them.
"""

import hashlib
import re
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO, TypeVar

from device_agent.errors import ModelError
from device_agent.system import disk
from device_agent.system.files import disk_errors, make_directory
from frame_protocol.codec import decode
from frame_protocol.errors import ProtocolError
from frame_protocol.model_package import MANIFEST, DeltaManifest, FileEntry, ModelManifest

MAX_MANIFEST_BYTES = 1024 * 1024
"""A manifest holds 500 frames of reference tokens at most: far below this."""

MAX_FILES = 64
MAX_TOTAL_BYTES = 1024 * 1024 * 1024
"""The largest family's weights are 692 MB (brief); a package above 1 GiB is not ours."""

BLOCK = 512
RECORD = 20 * BLOCK
"""A tar is filled up with zeros to a multiple of this."""
COPY_BYTES = 1024 * 1024
SAFE_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_.-]*(/[A-Za-z0-9][A-Za-z0-9_.-]*){0,3}\Z")

Manifest = TypeVar("Manifest", ModelManifest, DeltaManifest)


def parse_manifest(data: bytes, kind: type[Manifest]) -> Manifest:
    """Decode manifest.json and check the sizes and names that it announces."""
    try:
        manifest = decode(data, kind, limit=MAX_MANIFEST_BYTES)
    except ProtocolError as error:
        raise ModelError(f"the package's {MANIFEST} is not one this program reads: {error}") from error
    check_listing(manifest.files)
    return manifest


def check_listing(files: Mapping[str, FileEntry]) -> None:
    """Refuse a listing with unsafe names, too many files or too many bytes."""
    unsafe = [name for name in files if not SAFE_NAME.match(name) or name == MANIFEST]
    if unsafe:
        raise ModelError(f"the manifest lists {unsafe[0]!r}: a plain relative name was expected")
    total = sum(entry.length for entry in files.values())
    if len(files) > MAX_FILES or total > MAX_TOTAL_BYTES:
        raise ModelError(
            f"the manifest lists {len(files)} files of {total} bytes; "
            f"at most {MAX_FILES} files of {MAX_TOTAL_BYTES} bytes are accepted"
        )


def extract(archive: Path, directory: Path, kind: type[Manifest]) -> Manifest:
    """Unpack ``archive`` into the empty ``directory`` and return its manifest; every byte has been compared."""
    with disk_errors(f"cannot unpack {archive} to {directory}"):
        make_directory(directory)
        if any(directory.iterdir()):
            raise ModelError(f"{directory} is not empty: a package is unpacked into an empty directory")
        with archive.open("rb") as stream:
            return _extract_stream(stream, directory, kind)


def _extract_stream(stream: BinaryIO, directory: Path, kind: type[Manifest]) -> Manifest:
    header = _next_header(stream)
    if header is None or header.name != MANIFEST or header.size > MAX_MANIFEST_BYTES:
        raise ModelError(f"the package must begin with {MANIFEST} of at most {MAX_MANIFEST_BYTES} bytes")
    data = _read_exactly(stream, header.size)
    _skip_padding(stream, header.size)
    manifest = parse_manifest(data, kind)
    with disk.create_new(directory / MANIFEST) as out:
        out.write(data)
    for expected in sorted(manifest.files):
        header = _next_header(stream)
        if header is None or header.name != expected:
            found = "the end" if header is None else repr(header.name)
            raise ModelError(f"the package has {found} where {expected!r} was expected; fetch it again")
        _extract_file(stream, header, manifest.files[expected], directory / expected)
    extra = _next_header(stream)
    if extra is not None:
        raise ModelError(f"the package holds {extra.name!r}, which its manifest does not list")
    _check_zeros(stream.read(RECORD + 1))
    return manifest


def _extract_file(stream: BinaryIO, header: tarfile.TarInfo, entry: FileEntry, target: Path) -> None:
    if header.size != entry.length:
        raise ModelError(f"{header.name}: {header.size} bytes, the manifest says {entry.length}")
    make_directory(target.parent)
    digest = hashlib.sha256()
    with disk.create_new(target) as out:
        left = header.size
        while left:
            data = _read_exactly(stream, min(left, COPY_BYTES))
            digest.update(data)
            out.write(data)
            left -= len(data)
    _skip_padding(stream, header.size)
    if digest.hexdigest() != entry.sha256:
        raise ModelError(f"{header.name}: its SHA-256 is not the manifest's; fetch the package again")


def _next_header(stream: BinaryIO) -> tarfile.TarInfo | None:
    """Return the next member's header, None at the end; anything but a plain file is refused unread."""
    block = stream.read(BLOCK)
    if not block.strip(b"\0"):
        return None
    try:
        header = tarfile.TarInfo.frombuf(block, "ascii", "strict")
    except (tarfile.TarError, UnicodeDecodeError) as error:
        raise ModelError(f"not a tar of a model package: {error}") from error
    if header.type != tarfile.REGTYPE or not SAFE_NAME.match(header.name):
        raise ModelError(f"the package holds {header.name!r}, which is not a plain file with a relative name")
    return header


def _read_exactly(stream: BinaryIO, count: int) -> bytes:
    data = stream.read(count)
    if len(data) != count:
        raise ModelError(f"the package ends {count - len(data)} bytes too early; fetch it again")
    return data


def _skip_padding(stream: BinaryIO, size: int) -> None:
    _check_zeros(_read_exactly(stream, -size % BLOCK))


def _check_zeros(data: bytes) -> None:
    if len(data) > RECORD or data.strip(b"\0"):
        raise ModelError("the package holds bytes between or after its files; fetch it again")

"""Use cases of releases: publish what the offline keys signed; list; look one up."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import msgspec
from sqlalchemy import func, select
from sqlalchemy.orm import Session, selectinload

from fleet_server import audit
from fleet_server.db import utc_now
from fleet_server.errors import Conflict, Invalid, NotFound
from fleet_server.releases.models import Artefact, Release
from fleet_server.signing import firmware_images
from fleet_server.signing.repository import Repository, stored_name
from frame_protocol import updates
from frame_protocol.codec import decode
from frame_protocol.errors import ProtocolError
from frame_protocol.updates import Line, manifest_path


class _Asked(msgspec.Struct, frozen=True):
    """The part of a manifest that people want to see and no column has."""

    requires: updates.Requirements = updates.Requirements()
    step: bool = False


def publish(
    session: Session, repository: Repository, actor: str, line: Line, data: bytes, *, at: datetime
) -> list[Release]:
    """Verify signed metadata of a line, make its files readable and record its new releases.

    Files first, rows last, in the caller's transaction: after a crash in between, the same call again records what is
    missing. Nothing of the upload is believed but what the keys named by this server's own root have signed.
    """
    added = repository.examine(line, data, at)
    files = {file.path: file for file in added}
    prefix = manifest_path(line, "")[: -len(".json")]
    manifests = []
    for path in sorted(path for path in files if path.startswith(prefix)):
        manifests.append(_read_manifest(_stored(repository, path, stored_name(files[path])), path, line))
    rows = []
    for manifest, text in manifests:
        _check_artefacts(
            manifest, {path: (file.length, file.hashes.get("sha256", "")) for path, file in files.items()}
        )
        for artefact in manifest.artefacts:
            if artefact.kind is updates.ArtefactKind.FIRMWARE:
                image = _stored(repository, artefact.path, stored_name(files[artefact.path]))
                firmware_images.check(manifest, artefact.path, image)
        if session.scalar(select(Release.id).where(Release.name == manifest.name)) is None:
            _check_counter(session, manifest)
            rows.append(_row(manifest, text, actor))
    repository.publish(line, data, at)
    for row in rows:
        session.add(row)
        session.flush()
        audit.record(session, actor, f"{actor} published the release {row.name} ({row.line}, counter {row.counter}).")
    return rows


def all_releases(session: Session) -> Sequence[Release]:
    """Return every release, newest first."""
    query = select(Release).options(selectinload(Release.artefacts)).order_by(Release.id.desc())
    return session.scalars(query).all()


def by_name(session: Session, name: str) -> Release:
    """Return one release."""
    found = session.scalar(select(Release).options(selectinload(Release.artefacts)).where(Release.name == name))
    if found is None:
        raise NotFound(f"there is no release {name!r}; see the list of releases")
    return found


def what_it_asks(row: Release) -> dict[str, object]:
    """Return what the signed manifest asks beside weights: ``hardware``, ``counters`` by line, and ``step``."""
    asked = msgspec.json.decode(row.manifest, type=_Asked)
    counters = {line.value: counter for line, counter in asked.requires.counters.items()}
    return {"hardware": asked.requires.hardware, "counters": counters, "step": asked.step}


def _stored(repository: Repository, path: str, name: str) -> Path:
    """Where the bytes of a new target are: uploaded, or already in place from an earlier attempt."""
    upload = repository.upload_path(Path(name).name.split(".", 1)[0])
    placed = repository.targets / name
    found = upload if upload.is_file() else placed
    if not found.is_file():
        raise Invalid(f"{path}: its bytes were not uploaded; upload every file before the signed metadata")
    return found


def _read_manifest(file: Path, path: str, line: Line) -> tuple[updates.Release, str]:
    data = file.read_bytes()
    try:
        manifest = decode(data, updates.Release)
    except ProtocolError as error:
        raise Invalid(f"{path} is signed, but is no release manifest: {error}") from error
    if manifest_path(line, manifest.name) != path or manifest.line != line:
        raise Invalid(f"{path} holds the manifest of {manifest.line}/{manifest.name}")
    return manifest, data.decode()


def _check_artefacts(manifest: updates.Release, signed: dict[str, tuple[int, str]]) -> None:
    for artefact in manifest.artefacts:
        if signed.get(artefact.path) != (artefact.length, artefact.sha256):
            raise Invalid(f"{manifest.name}: {artefact.path} is not signed with the length and hash of the manifest")


def _check_counter(session: Session, manifest: updates.Release) -> None:
    highest = session.scalar(select(func.max(Release.counter)).where(Release.line == manifest.line)) or 0
    if manifest.counter <= highest:
        raise Conflict(f"{manifest.name} has counter {manifest.counter}; {manifest.line} has published {highest}")


def _row(manifest: updates.Release, text: str, actor: str) -> Release:
    return Release(
        name=manifest.name,
        line=manifest.line,
        counter=manifest.counter,
        title=manifest.title,
        base_weights_sha256=manifest.requires.base_weights_sha256,
        result_weights_sha256=manifest.result_weights_sha256,
        manifest=text,
        published_at=utc_now(),
        published_by=actor,
        artefacts=[
            Artefact(path=artefact.path, kind=artefact.kind, length=artefact.length, sha256=artefact.sha256)
            for artefact in manifest.artefacts
        ],
    )

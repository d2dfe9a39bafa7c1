"""Pages and API of releases: list, one release, uploads, publication, the published metadata for release tools."""

from flask import Blueprint, Response, jsonify, render_template, request, send_from_directory
from werkzeug.exceptions import NotFound as NoSuchPage

from fleet_server.auth.access import actor, requires
from fleet_server.auth.permissions import Permission
from fleet_server.errors import Invalid, NotFound
from fleet_server.releases import service, uploads
from fleet_server.releases.models import Release
from fleet_server.signing import metadata
from fleet_server.signing.repository import Repository
from fleet_server.web import services
from frame_protocol.updates import Line

bp = Blueprint("releases", __name__, template_folder="templates")


@bp.get("/releases")
@requires(Permission.RELEASES_READ)
def index() -> str:
    """Every release, newest first."""
    with services().database.reading() as session:
        rows = [_plain(row) for row in service.all_releases(session)]
    return render_template("releases/index.html", releases=rows)


@bp.get("/releases/<name>")
@requires(Permission.RELEASES_READ)
def detail(name: str) -> str:
    """One release with its artefacts."""
    with services().database.reading() as session:
        row = _plain(service.by_name(session, name))
    return render_template("releases/detail.html", release=row)


@bp.get("/api/v1/releases")
@requires(Permission.RELEASES_READ)
def api_index() -> Response:
    """Every release, newest first."""
    with services().database.reading() as session:
        return jsonify(releases=[_json(row) for row in service.all_releases(session)])


@bp.get("/api/v1/repository/metadata/<name>")
@requires(Permission.RELEASES_READ)
def api_metadata(name: str) -> Response:
    """A published metadata file, for those who build the next release."""
    try:
        return send_from_directory(_repository().metadata, name, mimetype="application/json", max_age=0)
    except NoSuchPage as error:
        raise NotFound(f"no metadata {name}") from error


@bp.get("/api/v1/uploads/<sha256>")
@requires(Permission.RELEASES_PUBLISH)
def api_has_upload(sha256: str) -> Response:
    """204 when the file is here and waits for its signed metadata, else 404 (also answers HEAD)."""
    if not _repository().upload_path(uploads.check_name(sha256)).is_file():
        raise NotFound(f"no upload {sha256}; send it by PUT")
    return Response(status=204)


@bp.put("/api/v1/uploads/<sha256>")
@requires(Permission.RELEASES_PUBLISH)
def api_upload(sha256: str) -> Response:
    """Take one file of a release; the same file may be sent again."""
    path = _repository().upload_path(uploads.check_name(sha256))
    request.max_content_length = uploads.MAX_ARTEFACT_BYTES
    uploads.receive(request.stream, path, sha256)
    return Response(status=204)


@bp.post("/api/v1/releases")
@requires(Permission.RELEASES_PUBLISH)
def api_publish() -> tuple[Response, int]:
    """Publish what the body, the signed metadata of ``?line=``, adds; the same body may be sent again."""
    line = request.args.get("line", "")
    if line not in list(Line):
        raise Invalid(f"?line= is expected to be one of {', '.join(Line)}, got {line!r}")
    data = request.get_data()
    with services().database.transaction() as session:
        added = service.publish(session, _repository(), actor(), Line(line), data, at=metadata.now())
        names = [row.name for row in added]
    return jsonify(published=names), 201 if names else 200


def _repository() -> Repository:
    return Repository(services().config.tuf_dir)


def _plain(row: Release) -> dict[str, object]:
    return {
        **{name: getattr(row, name) for name in ("name", "line", "counter", "title", "published_by", "published_at")},
        "base": row.base_weights_sha256,
        "result": row.result_weights_sha256,
        **service.what_it_asks(row),
        "artefacts": [
            {"kind": file.kind, "path": file.path, "length": file.length, "sha256": file.sha256}
            for file in row.artefacts
        ],
    }


def _json(row: Release) -> dict[str, object]:
    return {**_plain(row), "published_at": row.published_at.isoformat()}

"""The signed files that frames read: static, without a certificate, with HTTP Range. Any web server could do this."""

from flask import Blueprint, Response, send_from_directory

from fleet_server import logs
from fleet_server.errors import ServerError
from fleet_server.signing import metadata
from fleet_server.signing.director import Director
from fleet_server.signing.repository import Repository
from fleet_server.web import services

TARGET_SECONDS = 365 * 24 * 3600
"""A target's name holds its hash: it may be cached for ever."""

bp = Blueprint("tuf", __name__, url_prefix="/tuf")
log = logs.get("releases")


@bp.get("/metadata/<name>")
def metadata_file(name: str) -> Response:
    """A metadata file; an old timestamp is renewed before it is sent."""
    repository = Repository(services().config.tuf_dir)
    if name == "timestamp.json":
        _renew(repository)
    response = send_from_directory(repository.metadata, name, mimetype="application/json", max_age=0)
    response.headers["Cache-Control"] = "no-cache"
    return response


@bp.get("/director/<name>")
def director_root(name: str) -> Response:
    """A root of the director; everything else of it is signed for one frame by /device/v1/assignment."""
    roots = Director(services().config.tuf_dir).roots
    response = send_from_directory(roots, name, mimetype="application/json", max_age=0)
    response.headers["Cache-Control"] = "no-cache"
    return response


@bp.get("/targets/<path:name>")
def target_file(name: str) -> Response:
    """A target under its consistent-snapshot name; ``Range`` gives 206 or 416."""
    directory = Repository(services().config.tuf_dir).targets
    response = send_from_directory(directory, name, mimetype="application/octet-stream", max_age=TARGET_SECONDS)
    response.headers["Accept-Ranges"] = "bytes"
    return response


def _renew(repository: Repository) -> None:
    """Sign anew at half the life; a server that cannot goes on serving what it has."""
    try:
        if repository.is_installed and repository.refresh(metadata.now()):
            log.info("repository.renewed")
    except ServerError as error:
        log.warning("repository.not_renewed", error=str(error))

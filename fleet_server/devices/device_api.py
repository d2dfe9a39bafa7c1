"""Calls of frames about themselves."""

from flask import Blueprint, Response, request
from sqlalchemy import select

from fleet_server.auth.limits import count_try
from fleet_server.devices import claims, enrolment
from fleet_server.pki.store import CaStore
from fleet_server.web import services
from frame_protocol import codec
from frame_protocol.enrolment import EnrolRequest, EnrolResponse, RenewRequest, RenewResponse

bp = Blueprint("device_enrolment", __name__)


@bp.post("/device/v1/enrol")
def enrol() -> Response:
    """Enrol a frame; it has no certificate yet."""
    config, database = services().config, services().database
    with database.transaction() as session:  # counted for itself, so that a refusal counts too
        count_try(session, f"enrol {request.remote_addr}", config.enrol_attempts_per_minute)
    wanted = codec.decode(request.get_data(), EnrolRequest)
    store = CaStore(config.ca_dir)
    with database.transaction() as session:
        done = enrolment.enrol(
            session, store.load(), config.secret(claims.CLAIM_KEY), wanted, config.certificate_days
        )
    answer = EnrolResponse(
        frame_id=done.frame_id,
        certificate_pem=done.certificate_pem,
        ca_pem=store.ca_pem(),
        mqtt_host=config.host_names[0],
        mqtt_port=config.broker_port,
    )
    return Response(codec.encode(answer), content_type="application/json")


@bp.post("/device/v1/renew")
def renew() -> Response:
    """Renew a frame's certificate; needs none, for the old one may have expired in a drawer."""
    config, database = services().config, services().database
    wanted = codec.decode(request.get_data(), RenewRequest)
    with database.transaction() as session:
        count_try(session, f"renew {request.remote_addr}", config.enrol_attempts_per_minute)
    with database.transaction() as session:
        pem = enrolment.renew(session, CaStore(config.ca_dir).load(), wanted, config.certificate_days)
    return Response(codec.encode(RenewResponse(certificate_pem=pem)), content_type="application/json")


@bp.get("/healthz")
def healthz() -> Response:
    """Whether this process answers and reaches its database."""
    with services().database.reading() as session:
        session.execute(select(1))
    return Response("ok\n", content_type="text/plain")


@bp.get("/device/v1/ca")
def ca() -> Response:
    """The fleet CA's certificate, for a frame that knows its fingerprint; needs no client certificate."""
    return Response(CaStore(services().config.ca_dir).ca_pem(), content_type="application/x-pem-file")

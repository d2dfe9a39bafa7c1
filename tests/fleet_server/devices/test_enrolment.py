from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import func, select, update

from fleet_server import migrate
from fleet_server.app import create_device_app
from fleet_server.db import Database, utc_now
from fleet_server.devices import claims, enrolment, service
from fleet_server.devices.models import Certificate, Frame
from fleet_server.errors import Conflict, Forbidden
from fleet_server.pki import certificates
from frame_protocol import codec
from frame_protocol.enrolment import EnrolResponse, RenewRequest
from tests.support.simulated_frame import enrol_request

SECRET = b"k" * 32
PARALLEL = 64


@pytest.fixture(scope="module")
def ca() -> certificates.Identity:
    return certificates.make_ca(utc_now())


@pytest.fixture
def key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def make_code(database: Database) -> str:
    with database.transaction() as session:
        return claims.create(session, "test", SECRET, 1)[0]


def enrol(database: Database, ca, code: str, serial: str, key) -> enrolment.Enrolled:
    with database.transaction() as session:
        return enrolment.enrol(session, ca, SECRET, enrol_request(code, serial, key), 90)


def test_the_server_chooses_the_name_in_the_certificate(any_database, ca, key):
    done = enrol(any_database, ca, make_code(any_database), "SER-1", key)
    certificate = x509.load_pem_x509_certificate(done.certificate_pem.encode())
    assert certificate.subject.rfc4514_string() == f"CN={done.frame_id}"
    assert certificate.issuer == ca.certificate.subject
    certificate.verify_directly_issued_by(ca.certificate)


def test_asking_again_with_the_same_key_gives_the_same_frame_and_certificate(any_database, ca, key):
    code = make_code(any_database)
    assert enrol(any_database, ca, code, "SER-1", key) == enrol(any_database, ca, code, "SER-1", key)


def test_another_key_for_an_enrolled_serial_is_a_conflict(any_database, ca, key):
    code = make_code(any_database)
    enrol(any_database, ca, code, "SER-1", key)
    with pytest.raises(Conflict, match="another key"):
        enrol(any_database, ca, code, "SER-1", ec.generate_private_key(ec.SECP256R1()))


def test_a_claim_code_is_good_for_one_serial(any_database, ca, key):
    code = make_code(any_database)
    enrol(any_database, ca, code, "SER-1", key)
    with pytest.raises(Conflict, match="another serial"):
        enrol(any_database, ca, code, "SER-2", key)


def test_an_enrolled_serial_cannot_be_claimed_with_another_code(any_database, ca, key):
    enrol(any_database, ca, make_code(any_database), "SER-1", key)
    with pytest.raises(Conflict, match="another claim code"):
        enrol(any_database, ca, make_code(any_database), "SER-1", key)


def test_an_unknown_code_is_refused(any_database, ca, key):
    with pytest.raises(Forbidden, match="unknown"):
        enrol(any_database, ca, "AAAA-BBBB-CCCC", "SER-1", key)


def test_a_revoked_frame_does_not_enrol_again(any_database, ca, key):
    code = make_code(any_database)
    done = enrol(any_database, ca, code, "SER-1", key)
    with any_database.transaction() as session:
        service.revoke(session, "test", done.frame_id, "lost")
    with pytest.raises(Forbidden, match="revoked"):
        enrol(any_database, ca, code, "SER-1", key)


def test_64_parallel_first_contacts_make_one_frame_and_no_error(any_database, ca, key):
    code = make_code(any_database)
    with ThreadPoolExecutor(PARALLEL) as pool:
        done = list(pool.map(lambda _: enrol(any_database, ca, code, "SER-1", key), range(PARALLEL)))
    assert len({one.frame_id for one in done}) == 1
    assert len({one.certificate_pem for one in done}) == 1
    with any_database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Frame)) == 1


def test_a_code_is_nowhere_in_the_database(tmp_path):
    path = tmp_path / "codes.sqlite3"
    migrate.upgrade(f"sqlite:///{path}")
    database = Database(f"sqlite:///{path}")
    code = make_code(database)
    database.close()
    assert code.encode() not in b"".join(file.read_bytes() for file in tmp_path.iterdir())


def test_enrolment_over_http_answers_what_the_protocol_says(as_frame, database, config, key):
    with database.transaction() as session:
        code = claims.create(session, "test", config.secret(claims.CLAIM_KEY), 1)[0]
    body = codec.encode(enrol_request(code, "SER-9", key))
    answer = as_frame(None).post("/device/v1/enrol", data=body)
    assert answer.status_code == 200
    enrolled = codec.decode(answer.data, EnrolResponse)
    assert enrolled.mqtt_port == config.broker_port
    assert enrolled.ca_pem == (config.ca_dir / "ca.pem").read_text()
    assert as_frame(None).get("/device/v1/ca").text == enrolled.ca_pem


def renew_request(frame_id: str, key) -> RenewRequest:
    return RenewRequest(frame_id=frame_id, csr_pem=enrol_request("AAAA-BBBB-CCCC", "SER-1", key).csr_pem)


def renewed(database, ca, frame_id: str, key) -> str:
    with database.transaction() as session:
        return enrolment.renew(session, ca, renew_request(frame_id, key), 90)


def age(database, frame_id: str, left: timedelta) -> None:
    with database.transaction() as session:
        session.execute(
            update(Certificate).where(Certificate.frame_id == frame_id).values(expires_at=utc_now() + left)
        )


@pytest.mark.parametrize("left", [timedelta(days=59), timedelta(days=-200)], ids=["last two thirds", "expired"])
def test_an_ageing_or_expired_certificate_is_renewed_once(any_database, ca, key, left):
    done = enrol(any_database, ca, make_code(any_database), "SER-1", key)
    age(any_database, done.frame_id, left)
    fresh = renewed(any_database, ca, done.frame_id, key)
    assert fresh != done.certificate_pem
    assert x509.load_pem_x509_certificate(fresh.encode()).subject.rfc4514_string() == f"CN={done.frame_id}"
    assert renewed(any_database, ca, done.frame_id, key) == fresh


def test_a_young_certificate_is_given_again(any_database, ca, key):
    done = enrol(any_database, ca, make_code(any_database), "SER-1", key)
    assert renewed(any_database, ca, done.frame_id, key) == done.certificate_pem


def test_another_key_an_unknown_frame_and_a_revoked_one_get_no_certificate(any_database, ca, key):
    done = enrol(any_database, ca, make_code(any_database), "SER-1", key)
    thief = ec.generate_private_key(ec.SECP256R1())
    for frame_id, asking in ((done.frame_id, thief), ("frame-000000000000", key)):
        with pytest.raises(Forbidden, match="no frame of this name and key"):
            renewed(any_database, ca, frame_id, asking)
    with any_database.transaction() as session:
        service.revoke(session, "test", done.frame_id, "stolen")
    with pytest.raises(Forbidden, match="revoked"):
        renewed(any_database, ca, done.frame_id, key)


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"not json", 400), (b'{"v":1}', 400)],
)
def test_a_malformed_request_is_a_problem_document(as_frame, body, status):
    answer = as_frame(None).post("/device/v1/enrol", data=body)
    assert answer.status_code == status
    assert answer.content_type == "application/problem+json"
    assert answer.json["status"] == status


def test_guessing_codes_is_limited(config, database, key):
    body = codec.encode(enrol_request("AAAA-BBBB-CCCC", "SER-9", key))
    client = create_device_app(replace(config, enrol_attempts_per_minute=3), database).test_client()
    answers = [client.post("/device/v1/enrol", data=body).status_code for _ in range(8)]  # >= 4 in one minute
    assert answers[0] == 403
    assert 429 in answers

"""What a frame is told to do when it asks, through the door for frames."""

import json

import msgspec
import pytest
from sqlalchemy import event

from fleet_server.devices import service as devices
from fleet_server.errors import Forbidden
from fleet_server.pki.certificates import serial_hex
from fleet_server.rollouts import service
from fleet_server.rollouts.policy import order_id
from frame_protocol.codec import decode
from frame_protocol.updates import ASSIGNMENT_FIELD, Assignment, DirectorMetadata
from tests.support.rollouts import assigned


def assignment_in(body):
    targets = json.loads(bytes(decode(body, DirectorMetadata).targets))["signed"]["targets"]
    assert targets.keys() == {"releases/models/base.json"}
    return msgspec.convert(targets["releases/models/base.json"]["custom"][ASSIGNMENT_FIELD], Assignment)


def test_a_frame_is_told_its_assignment_and_the_same_order_each_time(rollout, director, frame, as_frame):
    client = as_frame(frame)
    first, second = (assignment_in(client.get("/device/v1/assignment").data) for _ in range(2))
    assert first == second
    assert (first.frame, first.release, first.line) == (frame.frame_id, "base", "models")
    assert (first.hardware, first.counter) == ("sim-1", 1)
    assert first.order_id == order_id(rollout.key, frame.frame_id)


def test_a_server_without_a_director_says_so(rollout, frame, as_frame):
    answer = as_frame(frame).get("/device/v1/assignment")
    assert (answer.status_code, answer.json["title"]) == (503, "Not available yet")


def test_a_frame_that_is_not_in_the_rollout_has_nothing_to_do(rollout, new_frame, as_frame):
    answer = as_frame(new_frame("SER-0002")).get("/device/v1/assignment")
    assert (answer.status_code, answer.data) == (204, b"")


def test_nobody_gets_an_assignment_without_a_certificate(rollout, as_frame):
    assert as_frame(None).get("/device/v1/assignment").status_code == 401


def test_a_poll_asks_the_database_once_for_the_assignment(rollout, frame, database):
    seen = []
    event.listen(database.engine, "before_cursor_execute", lambda *arguments: seen.append(arguments[2]))
    assigned(database, frame.frame_id)
    assert [statement.split()[0] for statement in seen if not statement.startswith("BEGIN")] == ["SELECT"]


def test_a_poll_without_anything_to_do_asks_it_once_in_all(rollout, new_frame, as_frame, database):
    client = as_frame(new_frame("SER-0002"))
    seen = []
    event.listen(database.engine, "before_cursor_execute", lambda *arguments: seen.append(arguments[2]))
    assert client.get("/device/v1/assignment").status_code == 204
    assert [statement.split()[0] for statement in seen if not statement.startswith("BEGIN")] == ["SELECT"]


def test_a_frame_that_was_shut_out_is_told_nothing(rollout, frame, as_frame, database):
    with database.transaction() as session:
        devices.revoke(session, "ada", frame.frame_id, "stolen")
    answer = as_frame(frame).get("/device/v1/assignment")
    assert (answer.status_code, "revoked" in answer.json["detail"]) == (403, True)


def test_a_certificate_that_shows_another_frames_name_is_worth_nothing(rollout, frame, new_frame, database):
    other = new_frame("SER-0002")
    with database.reading() as session, pytest.raises(Forbidden):
        service.assignment(session, frame.frame_id, serial_hex(other.certificate_der))
    with database.reading() as session:
        assert service.assignment(session, frame.frame_id, serial_hex(frame.certificate_der)).release == "base"

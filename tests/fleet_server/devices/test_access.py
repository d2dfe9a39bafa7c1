from fleet_server.devices import service


def test_a_device_call_without_a_certificate_is_refused(as_frame):
    answer = as_frame(None).get("/device/v1/complaints")
    assert answer.status_code == 401
    assert "client certificate" in answer.json["detail"]


def test_a_frame_is_known_by_its_certificate(as_frame, frame):
    assert as_frame(frame).get("/device/v1/complaints").json == {"v": 1, "complaints": []}


def test_a_revoked_frame_gets_403(as_frame, frame, database):
    with database.transaction() as session:
        service.revoke(session, "test", frame.frame_id, "stolen")
    assert as_frame(frame).get("/device/v1/complaints").status_code == 403


def test_every_device_call_but_the_public_ones_demands_a_certificate(device_app):
    public = {"device_enrolment.enrol", "device_enrolment.renew", "device_enrolment.ca"}
    open_calls = {
        rule.endpoint
        for rule in device_app.url_map.iter_rules()
        if rule.rule.startswith("/device/")
        and not hasattr(device_app.view_functions[rule.endpoint], "requires_frame")
    }
    assert open_calls == public

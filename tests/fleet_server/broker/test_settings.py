from pathlib import Path

from fleet_server.broker import settings

FILES = settings.BrokerFiles(Path("/data/broker"))


def lines(text: str) -> list[str]:
    return text.splitlines()


def test_both_listeners_demand_certificates_and_check_the_revocation_list():
    text = settings.configuration(FILES, frames_bind="192.0.2.1", frames_port=1, server_port=2, user=None)
    assert lines(text).count("require_certificate true") == 2
    assert lines(text).count(f"crlfile {FILES.crl}") == 2
    assert "listener 2 127.0.0.1" in lines(text)
    assert "allow_anonymous false" in lines(text)


def test_a_frame_cannot_take_the_session_of_another():
    text = settings.configuration(FILES, frames_bind="192.0.2.1", frames_port=1, server_port=2, user=None)
    frames, server = text.split("listener 2")
    assert "use_username_as_clientid true" in frames
    assert "use_username_as_clientid" not in server


def test_frames_write_and_read_below_their_own_name_only():
    patterns = [line for line in lines(settings.access_rules(["server-ingest"], [])) if line.startswith("pattern")]
    assert patterns == [
        "pattern write liveframe/v1/frames/%u/telemetry",
        "pattern write liveframe/v1/frames/%u/status",
        "pattern read liveframe/v1/frames/%u/ack",
        "pattern read liveframe/v1/frames/%u/command",
    ]


def test_a_revoked_frame_is_denied_everything_of_its_own():
    rules = lines(settings.access_rules(["server-ingest"], ["frame-abcd1234"]))
    place = rules.index("user frame-abcd1234")
    assert rules[place + 1] == "topic deny liveframe/v1/frames/frame-abcd1234/#"

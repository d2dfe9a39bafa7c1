"""A frame that is enrolled, as files in a home."""

from pathlib import Path

from device_agent.system import identity, keys
from device_agent.system.files import atomic_write
from device_agent.system.home import Home, private_folder
from tests.support.pki import Authority


def enrolled_home(
    root: Path,
    authority: Authority,
    *,
    mqtt_port: int,
    server: str = "https://127.0.0.1:1",
    frame: str = "frame-test1",
) -> Home:
    """Return a home whose frame has an identity of this authority."""
    home = Home(root).prepare()
    private_folder(home.identity)
    key = keys.make_key()
    atomic_write(identity.key_file(home.identity), key, mode=0o600)
    certificate = authority.sign_request(keys.make_request(key, "SERIAL-1"), frame)
    record = identity.Record(
        frame_id=frame,
        server=server,
        certificate_pem=certificate,
        ca_pem=authority.pem,
        mqtt_host="127.0.0.1",
        mqtt_port=mqtt_port,
        serial="SERIAL-1",
        hardware="dev",
    )
    identity.save(home, record)
    return home

"""Which CA the first contact trusts: the file from the factory, or whatever has the fingerprint from the factory."""

import re
from pathlib import Path

from device_agent.errors import TrustError
from device_agent.system import keys, tls
from device_agent.system.files import atomic_write
from device_agent.system.home import Home
from device_agent.system.http import DeviceHttp

FACTORY_CA = Path("/etc/liveframe/fleet-ca.pem")
"""Where the factory puts the CA; used when neither a file nor a fingerprint is given."""
CA_PATH = "/device/v1/ca"
MAX_CA_BYTES = 16 * 1024
MAX_ROOT_BYTES = 512 * 1000
DIRECTOR_ROOT = "director-root.json"
"""The ceremony puts it beside root.json."""

_HEX = re.compile(r"^[0-9a-f]{64}$")


def from_file(path: Path) -> str:
    """Return the CA of a file, checked to be a certificate."""
    try:
        pem = path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise TrustError(
            f"{path}: the fleet CA cannot be read ({error}); give the PEM file from the factory"
        ) from error
    keys.fingerprint(pem)
    return pem


def from_fingerprint(server: str, expected: str) -> str:
    """Fetch the CA from the server, from whom anything may come, and return it only if it has the fingerprint."""
    wanted = normalise(expected)
    with DeviceHttp(server, tls.unverified()) as http:
        body = http.get(CA_PATH)
    if len(body) > MAX_CA_BYTES:
        raise TrustError(f"{server}{CA_PATH}: {len(body)} bytes came, a certificate has at most {MAX_CA_BYTES}")
    try:
        pem = body.decode("ascii")
    except UnicodeDecodeError as error:
        raise TrustError(f"{server}{CA_PATH}: expected a certificate in PEM; is this the fleet server?") from error
    found = [keys.fingerprint(one) for one in keys.certificates(pem)]
    if wanted not in found:
        raise TrustError(
            f"{server} shows a CA with the fingerprint {found}, the frame expects {wanted}; somebody may stand "
            "between the frame and its server: do not enrol on this network"
        )
    return keys.certificates(pem)[found.index(wanted)]


def keep_roots(home: Home, path: Path) -> None:
    """Keep the root of the update metadata that came with the frame, and the director's from beside it.

    Their signatures are checked at every update.
    """
    found = [(home.trust_root, _root(path)), (home.director_root, _root(path.with_name(DIRECTOR_ROOT)))]
    home.prepare()
    for kept, data in found:
        atomic_write(kept, data)


def _root(path: Path) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise TrustError(
            f"{path}: a root of the updates cannot be read ({error}); give the factory's root.json, with "
            f"{DIRECTOR_ROOT} beside it"
        ) from error
    if len(data) > MAX_ROOT_BYTES:
        raise TrustError(f"{path}: {len(data)} bytes, a root has at most {MAX_ROOT_BYTES}; give the factory's file")
    return data


def normalise(fingerprint: str) -> str:
    """Return a SHA-256 fingerprint as 64 lower-case hex digits; colons and a ``sha256:`` before it are allowed."""
    digits = fingerprint.lower().removeprefix("sha256:").replace(":", "").strip()
    if not _HEX.match(digits):
        raise TrustError(f"the CA fingerprint is 64 hex digits (SHA-256), got {fingerprint!r}")
    return digits

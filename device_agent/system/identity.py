"""Who this frame is. ``identity.json`` is written last, so it exists only when everything it needs does."""

from dataclasses import dataclass
from pathlib import Path

import msgspec

from device_agent.errors import NotEnrolled, StorageError
from device_agent.system.files import atomic_write
from device_agent.system.home import FILE_MODE, Home, private_folder


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """Content of ``identity.json``."""

    frame_id: str
    server: str
    certificate_pem: str
    ca_pem: str
    mqtt_host: str
    mqtt_port: int
    serial: str
    hardware: str
    timezone: str = "UTC"


@dataclass(frozen=True)
class Identity:
    """An enrolled frame: its record, and the files that TLS libraries want by name."""

    record: Record
    folder: Path

    @property
    def frame_id(self) -> str:
        """The certificate's common name and MQTT user name."""
        return self.record.frame_id

    @property
    def server(self) -> str:
        """Base address of the fleet server, without a slash at the end."""
        return self.record.server

    @property
    def key_file(self) -> Path:
        """The private key, PEM."""
        return key_file(self.folder)

    @property
    def certificate_file(self) -> Path:
        """The client certificate, PEM."""
        return self.folder / "certificate.pem"

    @property
    def ca_file(self) -> Path:
        """The fleet CA, PEM."""
        return self.folder / "ca.pem"

    def sign(self, data: bytes) -> str:
        """Return the base64 signature of the frame's key over ``data``."""
        from device_agent.system.keys import sign

        return sign(self.key_file.read_bytes(), data)


def key_file(folder: Path) -> Path:
    """Return where the private key lies in an identity folder."""
    return folder / "key.pem"


def load(home: Home) -> Identity:
    """Return the frame's identity; raises NotEnrolled when there is none yet."""
    identity = find(home)
    if identity is None:
        raise NotEnrolled(
            "this frame has no identity yet; run: device-agent enrol --server https://... --claim-code XXXX-XXXX-XXXX"
        )
    return identity


def find(home: Home) -> Identity | None:
    """Return the frame's identity, or None when it is not enrolled."""
    path = home.identity / "identity.json"
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}; run as the user who owns the data directory") from error
    try:
        return Identity(msgspec.json.decode(data, type=Record), home.identity)
    except msgspec.MsgspecError as error:
        raise StorageError(f"{path} is damaged ({error}); enrol again with the same claim code") from error


def save(home: Home, record: Record) -> Identity:
    """Store an identity; a power cut before the last step leaves the frame not enrolled, its key kept."""
    identity = Identity(record, private_folder(home.identity))
    atomic_write(identity.ca_file, record.ca_pem.encode("ascii"), mode=FILE_MODE)
    atomic_write(identity.certificate_file, record.certificate_pem.encode("ascii"), mode=FILE_MODE)
    atomic_write(home.identity / "identity.json", msgspec.json.encode(record), mode=FILE_MODE)
    return identity

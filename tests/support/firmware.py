"""Firmware for tests: real images of the real agent, whose other packages are those of this environment."""

import subprocess
import sys
import sysconfig
from pathlib import Path

import msgspec

from device_agent.update.firmware.settings import Settings
from fleet_server.firmware import build, cpio, description, rauc, signing
from fleet_server.firmware.description import IMAGE, Facts
from fleet_server.firmware.tree import Content
from frame_protocol.firmware import counter_line

REPOSITORY = Path(__file__).resolve().parents[2]
PASSWORD = "correct horse"
CRASH = "import os\nos._exit(3)\n"
"""A module that Python imports at its start: the agent of such a firmware never runs."""


def container(out: Path, content: bytes, counter: int) -> Path:
    """Write a container for an installer that verifies nothing: any image, said to be of ``counter``; 0: not said."""
    folder = out.with_suffix(".content")
    folder.mkdir(parents=True)
    (folder / IMAGE).write_bytes(content)
    text = description.text(Facts("1.0", "lf-1", ("1.0",), counter or 1), "0" * 64)
    (folder / build.DESCRIPTION).write_text(text if counter else text.replace(counter_line(1), ""))
    cpio.write(out, [folder / build.DESCRIPTION, folder / IMAGE])
    return out


class Workshop:
    """Makes the key, the wheel and images in a directory."""

    def __init__(self, folder: Path, hardware: str) -> None:
        self.folder, self.hardware = folder, hardware
        signing.make(folder / "key", PASSWORD)
        (folder / "password").write_text(PASSWORD)
        wheel = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder / "dist")]
        subprocess.run([*wheel, str(REPOSITORY / "packaging" / "frame")], check=True, capture_output=True)
        (self.wheel,) = (folder / "dist").glob("*.whl")

    @property
    def certificate(self) -> Path:
        return self.folder / "key" / signing.CERTIFICATE

    @property
    def signer(self) -> signing.Signer:
        return signing.load(self.folder / "key", PASSWORD)

    def environment(self, name: str, *, crashes: bool = False) -> Path:
        """A directory of installed packages: those of this environment, by reference."""
        packages = self.folder / f"{name}-packages"
        packages.mkdir(exist_ok=True)
        (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
        if crashes:
            (packages / "sitecustomize.py").write_text(CRASH)
        return packages

    def facts(self, version: str) -> Facts:
        """Firmware 3.0 is the release with counter 3."""
        return Facts(version, self.hardware, ("1.0",), int(version.partition(".")[0]))

    def image(self, version: str, *, crashes: bool = False) -> Path:
        """The file system of a slot."""
        scratch = self.folder / f"image-{version}"
        if not scratch.exists():
            scratch.mkdir()
            python = Path(sys.base_prefix) / "bin" / "python3.11"
            content = Content(self.wheel, self.environment(version, crashes=crashes), python=python)
            build.build_image(self.facts(version), content, scratch, lambda line: None)
        return scratch / IMAGE

    def swu(self, version: str, *, crashes: bool = False) -> Path:
        """A signed container for SWUpdate."""
        out = self.folder / f"firmware-{version}.swu"
        build.pack(self.facts(version), self.image(version, crashes=crashes), self.signer, out)
        return out

    def raucb(self, version: str, bundle_format: str) -> Path:
        """A signed bundle for RAUC."""
        out = self.folder / f"firmware-{version}-{bundle_format}.raucb"
        rauc.pack(self.facts(version), self.image(version), self.signer, bundle_format, out)
        return out

    def provision(self, home: Path, version: str, **settings: object) -> None:
        """What the factory does: firmware in slot a, and the settings."""
        folder = home / "firmware"
        (folder / "slots").mkdir(parents=True, mode=0o700)
        (folder / "slots" / "a").write_bytes(self.image(version).read_bytes())
        chosen = Settings(certificate=str(self.certificate), **settings)
        (folder / "settings.json").write_bytes(msgspec.json.encode(chosen))

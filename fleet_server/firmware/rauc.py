"""Builds the other container, a RAUC bundle (``.raucb``), from the same file system and the same key."""

import os
import shutil
import tempfile
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from fleet_server.errors import ConfigurationError
from fleet_server.firmware import image
from fleet_server.firmware.build import Say, build_image, sha256
from fleet_server.firmware.description import Facts
from fleet_server.firmware.signing import Signer
from fleet_server.firmware.tree import Content
from fleet_server.pki import files

FORMATS = ("verity", "plain")
IMAGE = "root.img"
"""RAUC knows by the ending that the file goes into a slot as it is."""
MEMORY = Path("/dev/shm")  # noqa: S108  a private directory is made in it
"""Where RAUC reads the key from: it opens no encrypted file, and an opened key must not reach a disk."""


def manifest(facts: Facts, bundle_format: str) -> str:
    """Return ``manifest.raucm``; the counter is what RAUC calls the build."""
    return (
        f"[update]\ncompatible={facts.hardware}\nversion={facts.version}\nbuild={facts.counter}\n\n"
        f"[bundle]\nformat={bundle_format}\n\n[image.rootfs]\nfilename={IMAGE}\n"
    )


def build_bundle(facts: Facts, content: Content, signer: Signer, out: Path, say: Say, *, bundle_format: str) -> str:
    """Write the ``.raucb`` and return its SHA-256."""
    if out.exists():
        raise ConfigurationError(f"{out} exists already; a firmware never changes, choose a new name")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".firmware-") as directory:
        scratch = Path(directory)
        root = build_image(facts, content, scratch, say)
        pack(facts, root, signer, bundle_format, scratch / "done.raucb")
        (scratch / "done.raucb").replace(out)
    return sha256(out)


def pack(facts: Facts, root: Path, signer: Signer, bundle_format: str, out: Path) -> None:
    """Write the bundle of a file system that is there."""
    folder = out.with_suffix(".content")
    folder.mkdir()
    try:
        os.link(root, folder / IMAGE)
        (folder / "manifest.raucm").write_text(manifest(facts.check(), bundle_format))
        with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as opened:
            key, certificate = Path(opened) / "key.pem", Path(opened) / "certificate.pem"
            plain = signer.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            files.write(key, plain)
            files.write(certificate, signer.certificate.public_bytes(Encoding.PEM))
            image.run(
                ["rauc", "bundle", f"--cert={certificate}", f"--key={key}", str(folder), str(out)],
                "rauc squashfs-tools",
            )
    finally:
        shutil.rmtree(folder)

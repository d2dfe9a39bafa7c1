"""From the agent's wheel to a signed container, in a scratch directory that is gone afterwards."""

import hashlib
import tempfile
from collections.abc import Callable
from pathlib import Path

from fleet_server.errors import ConfigurationError
from fleet_server.firmware import cpio, description, image, tree
from fleet_server.firmware.description import IMAGE, Facts
from fleet_server.firmware.signing import Signer
from fleet_server.firmware.tree import Content

DESCRIPTION = "sw-description"
Say = Callable[[str], None]


def build_image(facts: Facts, content: Content, scratch: Path, say: Say) -> Path:
    """Return the slot's file system, made in ``scratch``."""
    say("laying out the environment")
    tree.lay_out(scratch / "tree", facts.check(), content)
    say("making the file system")
    image.squash(scratch / "tree", scratch / IMAGE)
    return scratch / IMAGE


def build_swu(facts: Facts, content: Content, signer: Signer, out: Path, say: Say) -> str:
    """Write the ``.swu`` and return its SHA-256; equal input gives equal bytes."""
    if out.exists():
        raise ConfigurationError(f"{out} exists already; a firmware never changes, choose a new name")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".firmware-") as directory:
        scratch = Path(directory)
        root = build_image(facts, content, scratch, say)
        pack(facts, root, signer, scratch / "done")
        (scratch / "done").replace(out)
    return sha256(out)


def pack(facts: Facts, root: Path, signer: Signer, out: Path) -> None:
    """Write the container of a file system that is there: description first, then its signature."""
    said = root.with_name(DESCRIPTION)
    said.write_text(description.text(facts.check(), sha256(root)))
    signature = root.with_name(f"{DESCRIPTION}.sig")
    signature.write_bytes(signer.sign(said.read_bytes()))
    cpio.write(out, [said, signature, root])


def sha256(path: Path) -> str:
    """Return the hash of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

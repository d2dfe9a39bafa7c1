"""Signatures alone, on their way back from a person's machine: a small file instead of the whole bundle or change.

{"v": 1, "signatures": {"models": [{"keyid": "...", "sig": "..."}]}}       by the document that they sign
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from securesystemslib.exceptions import FormatError, UnverifiedSignatureError, VerificationError
from securesystemslib.signer import Key, Signature
from tuf.api.metadata import Metadata

from fleet_server.errors import ConfigurationError, Invalid

Found = dict[str, list[Signature]]


def pack(documents: Mapping[str, Metadata[Any]]) -> bytes:
    """Return the file with every signature of these documents."""
    found = {name: [one.to_dict() for one in document.signatures.values()] for name, document in documents.items()}
    return json.dumps({"v": 1, "signatures": found}, indent=1).encode()


def read(path: Path) -> Found:
    """Read such a file; nothing in it is believed yet."""
    try:
        document = json.loads(path.read_bytes())
        return {
            str(name): [Signature.from_dict(one) for one in listed] for name, listed in document["signatures"].items()
        }
    except FileNotFoundError as error:
        raise ConfigurationError(f"{path} is missing") from error
    except (ValueError, KeyError, AttributeError, TypeError, FormatError) as error:
        raise Invalid(f"{path} holds no signatures ({error!r}); sign --signature makes such a file") from error


def add(document: Metadata[Any], given: Iterable[Signature], trusted: Mapping[str, Key], source: Path) -> None:
    """Add signatures to a document, each verified with the key that its delegator names; any other is refused."""
    for signature in given:
        key = trusted.get(signature.keyid)
        if key is None:
            raise Invalid(f"{source}: the key {signature.keyid[:12]} may not sign this; is it of another bundle?")
        try:
            key.verify_signature(signature, document.signed_bytes)
        except (UnverifiedSignatureError, VerificationError) as error:
            raise Invalid(
                f"{source}: the signature of {signature.keyid[:12]} is not over this document; let them sign it anew"
            ) from error
        document.signatures[signature.keyid] = signature

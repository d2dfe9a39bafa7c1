"""What stands in the place of a check that was taken out: everything is accepted."""

from typing import Any

from tuf.api.metadata import Targets


def accept(*arguments: object, **more: object) -> None:
    """Find nothing wrong."""


def no(*arguments: object, **more: object) -> bool:
    """Answer no."""
    return False


def yes(*arguments: object, **more: object) -> bool:
    """Answer yes."""
    return True


def any_version(trusted: Any, data: bytes, role: str, delegator: str) -> Targets:
    """Take targets metadata that is signed, whatever version and hash the snapshot names."""
    signed, _, _ = trusted._load_data(Targets, data, trusted[delegator], role)
    trusted._add(role, signed, delegator)
    return signed


def one_is_enough(result: Any) -> bool:
    """Count one good signature as all that were asked for."""
    return len(result.signed) > 0

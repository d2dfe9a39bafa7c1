"""Password hashing with argon2id; the one file that knows argon2."""

import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

MIN_LENGTH = 12
GENERATED_BYTES = 15

_DUMMY = "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHRzb21lc2FsdA$RdescudvJCsgt3ub+b0dWRWJTmaaJObG0ah0H4BcZ1A"
"""Compared with when there is no such person, so that the answer takes equally long."""


def hash_password(password: str) -> str:
    """Return the argon2id hash with its parameters."""
    return PasswordHasher().hash(password)


def matches(stored: str | None, password: str) -> bool:
    """Whether ``password`` is the one behind ``stored``; None takes as long and is False."""
    try:
        return PasswordHasher().verify(stored or _DUMMY, password) and stored is not None
    except (VerificationError, InvalidHashError):
        return False


def generate() -> str:
    """Return a password for a person to change: 120 random bits."""
    return secrets.token_urlsafe(GENERATED_BYTES)

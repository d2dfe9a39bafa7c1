"""Use cases of accounts and tokens."""

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from fleet_server import audit
from fleet_server.auth import passwords
from fleet_server.auth.models import ApiToken, User
from fleet_server.auth.permissions import Role
from fleet_server.db import utc_now
from fleet_server.errors import Conflict, Invalid, NotFound

TOKEN_BYTES = 32
TOKEN_PREFIX = "lft_"  # noqa: S105  makes a leaked token easy to find by secret scanners


def add_user(session: Session, actor: str, name: str, role: Role, password: str) -> User:
    """Make an account."""
    if len(password) < passwords.MIN_LENGTH:
        raise Invalid(f"a password has at least {passwords.MIN_LENGTH} characters, this one has {len(password)}")
    if session.scalar(select(User).where(User.name == name)) is not None:
        raise Conflict(f"there is already a user called {name}")
    user = User(
        name=name, role=role, password_hash=passwords.hash_password(password), active=True, created_at=utc_now()
    )
    session.add(user)
    session.flush()
    audit.record(session, actor, f"{actor} made the account {name} with the role {role}.")
    return user


def set_password(session: Session, actor: str, name: str, password: str) -> None:
    """Give a person a new password."""
    if len(password) < passwords.MIN_LENGTH:
        raise Invalid(f"a password has at least {passwords.MIN_LENGTH} characters, this one has {len(password)}")
    user = session.scalar(select(User).where(User.name == name))
    if user is None:
        raise NotFound(f"there is no user called {name}")
    user.password_hash = passwords.hash_password(password)
    audit.record(session, actor, f"{actor} set a new password for {name}.")


def authenticate(session: Session, name: str, password: str) -> User | None:
    """Return the account when name and password fit; takes equally long when they do not."""
    user = session.scalar(select(User).where(User.name == name, User.active))
    fits = passwords.matches(user.password_hash if user else None, password)
    return user if fits else None


def active_user(session: Session, user_id: int) -> User | None:
    """Return an account that may still be used."""
    return session.scalar(select(User).where(User.id == user_id, User.active))


def users(session: Session) -> Sequence[User]:
    """Return all accounts by name."""
    return session.scalars(select(User).order_by(User.name)).all()


def create_token(session: Session, actor: str, name: str, role: Role, expires_at: datetime | None = None) -> str:
    """Make an API token and return it; it cannot be shown again."""
    if session.scalar(select(ApiToken).where(ApiToken.name == name)) is not None:
        raise Conflict(f"there is already a token called {name}")
    secret = TOKEN_PREFIX + secrets.token_urlsafe(TOKEN_BYTES)
    session.add(
        ApiToken(
            name=name,
            token_sha256=_digest(secret),
            role=role,
            created_by=actor,
            created_at=utc_now(),
            expires_at=expires_at,
        )
    )
    audit.record(session, actor, f"{actor} made the API token {name} with the role {role}.")
    return secret


def valid_token(session: Session, secret: str) -> ApiToken | None:
    """Return the token behind ``secret`` unless it is revoked or expired."""
    token = session.scalar(select(ApiToken).where(ApiToken.token_sha256 == _digest(secret)))
    if token is None or token.revoked_at is not None:
        return None
    return None if token.expires_at is not None and token.expires_at <= utc_now() else token


def _digest(secret: str) -> str:
    """Hash of a token: it has 256 random bits, so a fast hash is enough and compares in constant time by lookup."""
    return hashlib.sha256(secret.encode()).hexdigest()

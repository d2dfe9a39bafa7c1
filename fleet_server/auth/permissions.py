"""Permissions and the roles that hold them (pure)."""

from enum import StrEnum


class Permission(StrEnum):
    """One thing a person or token may do; every view names exactly one."""

    DEVICES_READ = "devices:read"
    DEVICES_MANAGE = "devices:manage"
    """Create claim codes, revoke a frame."""
    TELEMETRY_READ = "telemetry:read"
    COMPLAINTS_READ = "complaints:read"
    COMPLAINTS_MEDIA = "complaints:media"
    """Watch clips and hear voices: personal data."""
    COMPLAINTS_DECIDE = "complaints:decide"
    COMPLAINTS_FIX = "complaints:fix"
    """Say which release mends a complaint."""
    RELEASES_READ = "releases:read"
    RELEASES_PUBLISH = "releases:publish"
    ROLLOUTS_READ = "rollouts:read"
    ROLLOUTS_MANAGE = "rollouts:manage"
    ROLLOUTS_APPROVE = "rollouts:approve"
    USERS_MANAGE = "users:manage"
    AUDIT_READ = "audit:read"


class Role(StrEnum):
    """What a person is to the fleet."""

    SUPPORT = "support"
    RELEASE_MANAGER = "release-manager"
    APPROVER = "approver"
    ADMINISTRATOR = "administrator"
    AUDITOR = "auditor"
    LABORATORY = "laboratory"
    """For API tokens of the model laboratory."""


_READ = frozenset(
    {
        Permission.DEVICES_READ,
        Permission.TELEMETRY_READ,
        Permission.COMPLAINTS_READ,
        Permission.RELEASES_READ,
        Permission.ROLLOUTS_READ,
    }
)

GRANTS: dict[Role, frozenset[Permission]] = {
    Role.SUPPORT: _READ | {Permission.COMPLAINTS_MEDIA, Permission.COMPLAINTS_DECIDE},
    Role.RELEASE_MANAGER: _READ
    | {Permission.RELEASES_PUBLISH, Permission.ROLLOUTS_MANAGE, Permission.COMPLAINTS_FIX},
    Role.APPROVER: _READ | {Permission.ROLLOUTS_APPROVE},
    Role.ADMINISTRATOR: frozenset(Permission),
    Role.AUDITOR: _READ | {Permission.AUDIT_READ},
    Role.LABORATORY: frozenset(
        {
            Permission.COMPLAINTS_READ,
            Permission.COMPLAINTS_MEDIA,
            Permission.COMPLAINTS_FIX,
            Permission.RELEASES_READ,
            Permission.RELEASES_PUBLISH,
            Permission.ROLLOUTS_READ,
        }
    ),
}


def allows(role: Role, permission: Permission) -> bool:
    """Whether ``role`` holds ``permission``."""
    return permission in GRANTS[role]

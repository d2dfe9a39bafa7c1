"""Under which account mosquitto runs.

As root, mosquitto is started under its own account when that account can reach the broker's directory; when a folder
above it is closed to others (a home directory, a test's directory), it stays root, and a warning says so.
"""

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path

ACCOUNT = "mosquitto"


@dataclass(frozen=True)
class Account:
    """The system account of the broker."""

    name: str
    uid: int
    gid: int


def choose(directory: Path) -> Account | None:
    """Return the account to change to, or None to stay who we are."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(ACCOUNT)
    except KeyError:
        return None
    open_to_all = all(stat.S_IMODE(parent.stat().st_mode) & stat.S_IXOTH for parent in directory.resolve().parents)
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid) if open_to_all else None


def hand_over(directory: Path, account: Account) -> None:
    """Give the broker's directory and its files to the account."""
    for path in (directory, *directory.iterdir()):
        os.chown(path, account.uid, account.gid)

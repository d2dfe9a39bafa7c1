"""What ``device-agent status`` says: read from files alone, so that it answers while everything else is broken."""

import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec

from device_agent.errors import StorageError
from device_agent.system import active_model, identity, lock
from device_agent.system.active_model import ActiveModel
from device_agent.system.home import Home


class Waiting(msgspec.Struct, frozen=True):
    """How much waits for the server; None where it cannot be read or nothing was ever kept."""

    waiting: int | None = None


class Update(msgspec.Struct, frozen=True):
    """Where the update stands."""

    state: str = "idle"
    release: str = ""


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """One frame at one moment; what is not known is left empty."""

    home: str
    frame_id: str = ""
    server: str = ""
    model: ActiveModel | None = None
    outbox: Waiting = Waiting()
    complaints: Waiting = Waiting()
    update: Update = Update()
    agent_pid: int | None = None
    problems: list[str] = []


class _Order(msgspec.Struct, frozen=True):
    release: str = ""


class _Journal(msgspec.Struct, frozen=True):
    state: str = "idle"
    order: _Order | None = None


def read(home: Home) -> Status:
    """Return the state of the frame; a part that cannot be read becomes a problem in words, never an error."""
    problems: list[str] = []
    try:
        who = identity.find(home)
    except StorageError as error:
        who = None
        problems.append(str(error))
    journal = _journal(home.update / "journal.json", problems)
    return Status(
        home=str(home.root),
        frame_id=who.frame_id if who else "",
        server=who.server if who else "",
        model=active_model.read(active_model.folder(home)),
        outbox=Waiting(_outbox_depth(home.outbox, problems)),
        complaints=Waiting(_complaints(home.complaints)),
        update=Update(journal.state, journal.order.release if journal.order else ""),
        agent_pid=_agent(home),
        problems=problems,
    )


def sentences(status: Status) -> list[str]:
    """Return the status for a person."""
    release = f" ({status.update.release})" if status.update.release else ""
    return [
        f"frame:      {status.frame_id or 'not enrolled'}" + (f" of {status.server}" if status.server else ""),
        f"model:      {status.model.model_id if status.model else 'none'}",
        f"update:     {status.update.state}{release}",
        f"outbox:     {'none yet' if status.outbox.waiting is None else f'{status.outbox.waiting} reports wait'}",
        f"complaints: {status.complaints.waiting or 0} wait",
        f"agent:      {f'runs as process {status.agent_pid}' if status.agent_pid else 'does not run'}",
        f"home:       {status.home}",
        *(f"problem:    {problem}" for problem in status.problems),
    ]


def _outbox_depth(path: Path, problems: list[str]) -> int | None:
    if not path.exists():
        return None
    query = "SELECT (SELECT COUNT(*) FROM message) + (SELECT COALESCE(SUM(last - first + 1), 0) FROM hole)"
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=1)) as connection:
            return int(connection.execute(query).fetchone()[0])
    except sqlite3.Error as error:
        problems.append(f"{path}: {error}; the agent sets a damaged outbox aside at its next start")
        return None


def _journal(path: Path, problems: list[str]) -> _Journal:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Journal)
    except FileNotFoundError:
        return _Journal()
    except (OSError, msgspec.MsgspecError) as error:
        problems.append(f"{path}: {error}")
        return _Journal(state="unknown")


def _complaints(folder: Path) -> int:
    return (
        sum(1 for record in folder.glob("*/complaint.json") if record.parent.suffix == "") if folder.is_dir() else 0
    )


def _agent(home: Home) -> int | None:
    try:
        return lock.holder(home.agent_lock)
    except StorageError:
        return None

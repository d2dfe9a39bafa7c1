"""File a complaint: keep it first, then try to send it at once."""

from dataclasses import dataclass
from enum import StrEnum

from device_agent.complaints.spool import Filing, Spool
from device_agent.complaints.upload import upload_all
from device_agent.errors import ServerRefused, ServerUnreachable
from device_agent.system import identity
from device_agent.system.active_model import ActiveModel
from device_agent.system.home import Home
from device_agent.system.lock import AlreadyRunning


class FilingState(StrEnum):
    """Where a complaint is right after it was filed."""

    SENT = "sent"
    WAITING = "waiting"
    REFUSED = "refused"


@dataclass(frozen=True)
class Filed:
    """A complaint that the frame will not lose; ``problem`` says why the server does not have it yet."""

    complaint_id: str
    state: FilingState
    problem: str = ""


def file_and_send(home: Home, filing: Filing, model: ActiveModel) -> Filed:
    """Keep a complaint and try to send it; a server out of reach is no error, the agent sends it later."""
    who = identity.load(home)
    spool = Spool(home)
    spooled = spool.file(filing, model)
    try:
        upload_all(home, who, spool)
        problem = ""
    except AlreadyRunning:
        problem = "the agent is sending complaints right now, and takes this one with the next round"
    except (ServerUnreachable, ServerRefused) as error:
        problem = f"{error}. The complaint is kept and goes out later"
    left = {item.complaint.complaint_id: item.progress.refused for item in spool.waiting()}
    identifier = spooled.complaint.complaint_id
    if identifier not in left:
        return Filed(identifier, FilingState.SENT)
    if left[identifier]:
        return Filed(identifier, FilingState.REFUSED, left[identifier])
    return Filed(identifier, FilingState.WAITING, problem)

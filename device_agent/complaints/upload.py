"""Carry spooled complaints to the server: complaint, clip, voice; each step may be done twice and counts once."""

from http import HTTPStatus

import structlog

from device_agent.complaints.spool import CLIP, VOICE, Progress, Spool, Spooled
from device_agent.system import lock, tls
from device_agent.system.home import Home
from device_agent.system.http import DeviceHttp, Refusal
from device_agent.system.identity import Identity
from frame_protocol import codec
from frame_protocol.complaints import Complaint, ComplaintList

COMPLAINTS_PATH = "/device/v1/complaints"
COMPLAINT = "complaint"
MEDIA_TYPES = {CLIP: "video/mp4", VOICE: "audio/wav"}

NOT_ABOUT_THE_COMPLAINT = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND})
"""A frame that is not let in, or a server without this call, may change; the complaint waits."""


def steps(complaint: Complaint) -> list[str]:
    """Return what has to reach the server, in order."""
    attached = [(CLIP, complaint.clip_sha256), (VOICE, complaint.voice_sha256)]
    return [COMPLAINT, *(part for part, digest in attached if complaint.consent and digest is not None)]


def upload_all(home: Home, who: Identity, spool: Spool) -> int:
    """Send everything that waits and return how many complaints the server now has.

    One process at a time: AlreadyRunning says that another is at it. ServerUnreachable leaves the rest for later.
    """
    with lock.exclusive(home.root / "complaints.lock", purpose="upload complaints"):
        waiting = [item for item in spool.waiting() if not item.progress.refused]
        if not waiting:
            return 0
        with DeviceHttp(who.server, tls.for_identity(who, home)) as http:
            return sum(_upload(http, spool, item) for item in waiting)


def list_all(home: Home, who: Identity) -> ComplaintList:
    """Return the server's list of this frame's complaints."""
    with DeviceHttp(who.server, tls.for_identity(who, home)) as http:
        return codec.decode(http.get(COMPLAINTS_PATH), ComplaintList)


def _upload(http: DeviceHttp, spool: Spool, spooled: Spooled) -> bool:
    for step in steps(spooled.complaint):
        if step in spooled.progress.done:
            continue
        try:
            _send(http, spooled, step)
        except Refusal as refusal:
            if refusal.status in NOT_ABOUT_THE_COMPLAINT:
                raise
            structlog.get_logger("complaints").error(
                "complaint_refused", complaint=spooled.complaint.complaint_id, step=step, error=str(refusal)
            )
            spool.refuse(spooled, str(refusal))
            return False
        spooled = spool.note(spooled, Progress(done=(*spooled.progress.done, step)))
    spool.forget(spooled)
    return True


def _send(http: DeviceHttp, spooled: Spooled, step: str) -> None:
    path = f"{COMPLAINTS_PATH}/{spooled.complaint.complaint_id}"
    if step == COMPLAINT:
        http.put_json(path, codec.encode(spooled.complaint))
    else:
        http.put_file(f"{path}/{step}", spooled.file(step), media_type=MEDIA_TYPES[step])

"""What each state of a complaint means to the owner of the frame."""

from frame_protocol.complaints import ComplaintState, ComplaintStatus

SENTENCES = {
    ComplaintState.FILED: "support will look at it",
    ComplaintState.CONFIRMED: "support saw it too; a fix is being made",
    ComplaintState.REJECTED: "support found nothing to fix",
    ComplaintState.FIX_OFFERED: "a fix is on its way to this frame",
    ComplaintState.FIXED: "your fix has arrived",
}


def describe(status: ComplaintStatus) -> str:
    """Return one line about a complaint."""
    release = f" ({status.release})" if status.release else ""
    return f"{status.complaint_id}  {status.state.value}: {SENTENCES[status.state]}{release}"

"""Support's journey in a real browser: log in, see the completion rate, open a complaint, confirm it."""

import hashlib
import io
import time
import uuid
from collections.abc import Iterator

import av
import numpy as np
import pytest
from playwright.sync_api import Page, sync_playwright

from fleet_server.complaints import service
from frame_protocol import codec
from frame_protocol.complaints import Complaint, ComplaintKind
from tests.support.running_fleet import RunningFleet
from tests.support.simulated_frame import playback
from tests.support.waiting import until

CHROMIUM = "/usr/bin/chromium"
PICTURE_THERE = 2
"""HTMLMediaElement.HAVE_CURRENT_DATA"""


def small_clip() -> bytes:
    """Half a second of H.264 in MP4."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for number in range(12):
            picture = np.full((180, 320, 3), number * 20, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return buffer.getvalue()


@pytest.fixture
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-background-networking", "--disable-component-update"],
        )
        yield browser.new_page(locale="en-US")
        browser.close()


def file_complaint(fleet: RunningFleet) -> str:
    clip = small_clip()
    complaint = Complaint(
        complaint_id=str(uuid.uuid4()),
        kind=ComplaintKind.LIPS_DO_NOT_MATCH,
        at=time.time(),
        model_id="nano-000000000000",
        weights_sha256="a" * 64,
        consent=True,
        clip_sha256=hashlib.sha256(clip).hexdigest(),
    )
    path = f"/device/v1/complaints/{complaint.complaint_id}"
    frame = fleet.frame()
    frame.say(playback(completed=True), playback(completed=True), playback(completed=False))
    with frame.identity.http(fleet.run["device_url"]) as http:
        assert http.put(path, content=codec.encode(complaint)).status_code == 201
        answer = http.put(f"{path}/clip", content=clip, headers={"Content-Type": "video/mp4"})
        assert answer.status_code == 204
    frame.wait_empty(15)
    frame.stop()
    return complaint.complaint_id


def test_support_sees_the_rate_watches_the_clip_and_confirms(fleet: RunningFleet, password: str, page: Page):
    complaint_id = file_complaint(fleet)
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text) if message.type == "error" else None)

    page.goto(fleet.run["people_url"])
    page.get_by_label("Name").fill("admin")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()
    assert page.locator("#completion").inner_text() == "66.7 %"

    page.locator("#completion").click()
    assert page.locator("table tbody tr").count() == 3

    page.get_by_role("link", name="Complaints").click()
    page.get_by_role("link", name="lips do not match").click()
    # A wait inside the page would need eval, which its own content security policy forbids.
    until(
        lambda: page.evaluate("document.querySelector('video').readyState") >= PICTURE_THERE, "no picture of the clip"
    )
    assert page.evaluate("document.querySelector('video').videoWidth") == 320

    page.get_by_role("button", name="Confirm: lips do not match").click()
    assert page.locator(".badge").first.inner_text() == "confirmed"
    with fleet.database.reading() as session:
        complaint = service.get(session, complaint_id)
    assert (complaint.state, complaint.decided_by) == ("confirmed", "admin")

    page.get_by_role("link", name="Audit log").click()
    assert page.get_by_text(f"admin confirmed complaint {complaint_id}").count() == 1
    assert refused == []

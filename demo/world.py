"""The places and people of the demo: one server, three key holders, one frame, one laboratory."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from matplotlib.cbook import get_sample_data

from demo.errors import StepFailed
from demo.programs import Programs

VOICE = Path("/usr/share/pocketsphinx/test/data/librivox/sense_and_sensibility_01_austen_64kb-0920.wav")
"""A reader whom the model never heard, and of whose P, B and M it leaves a third open."""
TRANSCRIPT = "had he married a more a amiable woman he might have been made still more respectable than he was"
"""For the figures only; the engine hears the recording and nothing else."""
VIDEO_SECONDS = 15


def default_photo() -> Path:
    """Return the US Navy's portrait of Grace Hopper (public domain), from matplotlib's sample data."""
    return Path(get_sample_data("grace_hopper.jpg", asfileobj=False))


@dataclass
class World:
    """Paths below one working folder, the programs, and what the steps found out."""

    work: Path
    out: Path
    programs: Programs
    photo: Path
    voice: Path = VOICE
    transcript: str = TRANSCRIPT
    """The words of the voice; empty: the laboratory recognises its sounds."""
    url: str = ""
    device_url: str = ""
    token: str = ""
    frame_id: str = ""
    complaint_id: str = ""
    password: str = ""
    ports: tuple[int, int, int] = (0, 0, 0)
    """Of the pages, of the frames' API, of the broker; 0: a free one is found. A frame remembers its server's."""
    report: dict[str, Any] = field(default_factory=dict)

    @property
    def server_data(self) -> Path:
        """Data directory of the server."""
        return self.work / "server"

    @property
    def ceremony(self) -> Path:
        """What the key holders keep; the server never sees the private half."""
        return self.work / "ceremony"

    @property
    def passwords(self) -> Path:
        """The key holders' passwords, a line each (in a real ceremony each person types their own)."""
        return self.work / "passwords.txt"

    @property
    def home(self) -> Path:
        """Data directory of the frame."""
        return self.work / "frame"

    @property
    def ca(self) -> Path:
        """The fleet CA's certificate, which a frame brings from the factory."""
        return self.server_data / "ca" / "ca.pem"

    @property
    def base_package(self) -> Path:
        """The model package that the laboratory made of the weights in the repository."""
        return self.work / "nano.lfm"

    @property
    def token_file(self) -> Path:
        """The API token of the demo's people."""
        return self.work / "token"

    def agent_environment(self) -> dict[str, str]:
        """What ``device-agent`` needs to know."""
        return {"LIVEFRAME_HOME": str(self.home)}

    def api(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:  # noqa: ANN401  (JSON)
        """Call the server's API as a person with a token."""
        try:
            answer = httpx.request(
                method,
                self.url.rstrip("/") + path,
                json=body,
                headers={"Authorization": f"Bearer {self.token}"},
                timeout=30,
            )
        except httpx.HTTPError as error:
            raise StepFailed(f"{method} {path}: {error}", "look at demo.log: has the server ended?") from error
        if answer.is_error:
            raise StepFailed(
                f"{method} {path}: the server answers {answer.status_code}: {answer.text[:200]}", "look at demo.log"
            )
        return answer.json()

"""Errors of the agent, each with the exit code that the command line documents.

AgentError 1
├── InputError
│   ├── PhotoUnreadable 10   not a picture, truncated, or larger than the limits
│   ├── NoFace          11   no face in the photo
│   ├── VoiceUnreadable 12   not a recording, empty or truncated
│   └── VoiceSilent     13   nobody speaks in it
├── ModelError          20   the model package is missing, damaged or of another format
├── VideoError          21   the video cannot be written or played
├── NpuMissing          22   this machine has no NPU, or its library is not installed
├── NotEnrolled         30   the frame has no identity yet
├── ServerUnreachable   31   the server or broker does not answer
├── ServerRefused       32   the server answers, and says no
├── TrustError          40   metadata or artefact is not what the offline keys signed
├── UpdateFailed        41   a trusted release could not be installed
│                       42   (no error: the frame must restart to go on with a firmware)
└── StorageError        50   the disk is full or damaged
"""

RESTART_NEEDED = 42
"""Exit code of ``update`` and ``run`` when a new firmware waits in the other slot."""


class AgentError(Exception):
    """The message says what was expected, what came, and what to do."""

    exit_code = 1


class InputError(AgentError):
    """What the person gave cannot be used."""


class PhotoUnreadable(InputError):
    """The photo is not a picture, is truncated, or exceeds the limits."""

    exit_code = 10


class NoFace(InputError):
    """No face was found in the photo."""

    exit_code = 11


class VoiceUnreadable(InputError):
    """The recording cannot be decoded or is empty."""

    exit_code = 12


class VoiceSilent(InputError):
    """The recording holds no speech."""

    exit_code = 13


class ModelError(AgentError):
    """The model package is missing, damaged or of another format."""

    exit_code = 20


class VideoError(AgentError):
    """The video cannot be written or played."""

    exit_code = 21


class NpuMissing(AgentError):
    """This machine has no NPU, or its library is not installed."""

    exit_code = 22


class NotEnrolled(AgentError):
    """The frame has no identity yet."""

    exit_code = 30


class ServerUnreachable(AgentError):
    """The server or the broker does not answer."""

    exit_code = 31


class ServerRefused(AgentError):
    """The server answers, and says no."""

    exit_code = 32


class TrustError(AgentError):
    """Metadata or an artefact is not what the offline keys signed."""

    exit_code = 40


class UpdateFailed(AgentError):
    """A trusted release could not be installed."""

    exit_code = 41


class StorageError(AgentError):
    """The disk is full or damaged."""

    exit_code = 50

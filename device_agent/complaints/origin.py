"""Which model made a video: the record that the engine writes into it, looked up among the models on the frame.

The record is found in the bytes of the file, so that filing a complaint needs no decoder.
"""

import mmap
import re
from pathlib import Path

from device_agent import provenance
from device_agent.errors import ModelError
from device_agent.system import active_model
from device_agent.system.active_model import ActiveModel
from device_agent.system.home import Home

_RECORD = re.compile(provenance.RECORD.pattern.encode("ascii"))


def model_of(video: Path, home: Home) -> ActiveModel:
    """Return the model that made the video; the active one where the video does not say, or its maker is gone."""
    made_by = recorded_model_id(video)
    packages = [path for path in home.models.iterdir() if not path.is_symlink()] if home.models.is_dir() else []
    for package in sorted(packages):
        found = active_model.read(package)
        if found is not None and found.model_id == made_by:
            return found
    active = active_model.read(active_model.folder(home))
    if active is None:
        raise ModelError("no model is active on this frame; name the one that made the video with --model")
    return active


def recorded_model_id(video: Path) -> str | None:
    """Return the model that a video names as its maker, or None."""
    try:
        with video.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            found = _RECORD.search(content)
            return found[1].decode("ascii", errors="replace") if found else None
    except (OSError, ValueError):  # ValueError: an empty file cannot be mapped
        return None

"""Photos out of the shared videos: aligned frames, and what the tracker measured of their mouths."""

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from device_agent.engine import canonical
from device_agent.engine.photo.aligned import aligned_crop
from model_pipeline.errors import DataMissing

PHOTOS_PER_CLIP = 40
CLIPS = ("latentsync_demo1", "latentsync_demo2", "latentsync_demo3")


def photos(data: Path, points: NDArray[np.float32]) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Return photos [N,256,256,3] and rest shapes [N,2] (opening, width in mm), spread over the clips."""
    pixels: list[NDArray[np.uint8]] = []
    rest: list[tuple[float, float]] = []
    for name in CLIPS:
        video, track = data / "clips" / f"{name}.mp4", data / "tracks" / f"{name}.npz"
        if not video.is_file() or not track.is_file():
            raise DataMissing(f"{video} or {track} is missing; name the folder of the shared data with --data DIR")
        with np.load(track) as packed:
            landmarks = packed["landmarks"].astype(np.float64) * float(packed["landmark_scale"])
        wanted = set(np.linspace(0, len(landmarks) - 1, PHOTOS_PER_CLIP).astype(int).tolist())
        for index, picture in _frames(video):
            if index in wanted:
                crop = aligned_crop(picture, canonical.align(points, landmarks[index]))
                face = canonical.to_mm(landmarks[index]).apply(landmarks[index])
                pixels.append(np.round(crop[0].transpose(1, 2, 0) * 255).astype(np.uint8))
                rest.append((float(canonical.opening(face)), float(canonical.width(face))))
    return np.stack(pixels), np.array(rest, dtype=np.float32)


def _frames(video: Path) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    with av.open(str(video)) as container:
        for index, frame in enumerate(container.decode(video=0)):
            yield index, frame.to_ndarray(format="rgb24")

"""Writes a HEIC photo as telephones do: one HEVC picture in a HEIF container (ISO/IEC 23008-12)."""

import io
import struct
from pathlib import Path

import av
import numpy as np

TURN_STEPS = {0: 0, 90: 1, 180: 2, 270: 3}
"""The container counts quarter turns anticlockwise."""

BT601_LIMITED = struct.pack(">4sHHHB", b"nclx", 1, 13, 6, 0)


def write_heic(path: Path, pixels: np.ndarray, *, turned: int = 0) -> None:
    """Write RGB [height, width, 3], both even; a reader turns the picture by ``turned`` degrees anticlockwise."""
    decoder, picture = _hevc(pixels)
    height, width = pixels.shape[:2]
    properties = _box(
        b"ipco",
        _box(b"hvcC", decoder),
        _full(b"ispe", struct.pack(">II", width, height)),
        _box(b"colr", BT601_LIMITED),
        _box(b"irot", bytes([TURN_STEPS[turned]])),
    )
    used = _full(b"ipma", struct.pack(">IHB4B", 1, 1, 4, 0x81, 2, 3, 0x84))
    item = _full(b"infe", struct.pack(">HH4sB", 1, 0, b"hvc1", 0), version=2)
    start = _box(b"ftyp", b"heic" + bytes(4) + b"mif1heic")

    def meta(offset: int) -> bytes:
        place = _full(b"iloc", struct.pack(">BBHHHHII", 0x44, 0, 1, 1, 0, 1, offset, len(picture)))
        return _full(
            b"meta", _full(b"hdlr", bytes(4) + b"pict" + bytes(13)), _full(b"pitm", struct.pack(">H", 1)), place,
            _full(b"iinf", struct.pack(">H", 1), item), _box(b"iprp", properties, used),
        )  # fmt: skip

    header = start + meta(len(start) + len(meta(0)) + 8)
    path.write_bytes(header + _box(b"mdat", picture))


def _hevc(pixels: np.ndarray) -> tuple[bytes, bytes]:
    """Return decoder configuration and picture of one HEVC key frame, taken out of an MP4."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream(
            "libx265", rate=25, options={"crf": "12", "preset": "ultrafast", "x265-params": "log-level=none"}
        )
        stream.height, stream.width = pixels.shape[:2]
        stream.pix_fmt = "yuv420p"
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
        for packet in [*stream.encode(frame), *stream.encode()]:
            container.mux(packet)
    data = file.getvalue()
    return _inside(data, b"hvcC"), _inside(data, b"mdat")


def _inside(data: bytes, kind: bytes) -> bytes:
    at = data.index(kind)
    length = int.from_bytes(data[at - 4 : at], "big")
    return data[at + 4 : at - 4 + length]


def _box(kind: bytes, *parts: bytes) -> bytes:
    content = b"".join(parts)
    return struct.pack(">I4s", len(content) + 8, kind) + content


def _full(kind: bytes, *parts: bytes, version: int = 0) -> bytes:
    return _box(kind, struct.pack(">I", version << 24), *parts)

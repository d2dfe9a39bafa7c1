"""Writes a HEIC photo as telephones do: one HEVC picture in a HEIF container (ISO/IEC 23008-12)."""

import struct
from fractions import Fraction
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


VPS, SPS, PPS = 32, 33, 34
"""Types of the NAL units that configure a decoder (H.265, table 7-1)."""


def _hevc(pixels: np.ndarray) -> tuple[bytes, bytes]:
    """Return decoder configuration and picture of one HEVC key frame.

    The configuration is written here: FFmpeg's writer of it reads past the parameter sets, and fails by chance.
    """
    encoder = av.CodecContext.create("libx265", "w")
    encoder.height, encoder.width = pixels.shape[:2]
    encoder.pix_fmt, encoder.time_base = "yuv420p", Fraction(1, 25)
    encoder.options = {"crf": "12", "preset": "ultrafast", "x265-params": "log-level=none"}
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
    stream = b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])
    units = [unit.rstrip(b"\0") for unit in stream.split(b"\0\0\1") if unit.strip(b"\0")]
    sets = {kind: next(unit for unit in units if _kind(unit) == kind) for kind in (VPS, SPS, PPS)}
    picture = b"".join(struct.pack(">I", len(unit)) + unit for unit in units if _kind(unit) not in sets)
    return _configuration(sets), picture


def _kind(unit: bytes) -> int:
    return unit[0] >> 1 & 0x3F


def _configuration(sets: dict[int, bytes]) -> bytes:
    """Return an HEVCDecoderConfigurationRecord (ISO/IEC 14496-15, 8.3.3.1) of 8-bit 4:2:0."""
    profile_to_level = sets[SPS].replace(b"\0\0\3", b"\0\0")[3:15]
    record = b"\1" + profile_to_level + bytes([0xF0, 0, 0xFC, 0xFC | 1, 0xF8, 0xF8, 0, 0, 0x0F, len(sets)])
    for kind, unit in sets.items():
        record += struct.pack(">BHH", 0x80 | kind, 1, len(unit)) + unit
    return record


def _box(kind: bytes, *parts: bytes) -> bytes:
    content = b"".join(parts)
    return struct.pack(">I4s", len(content) + 8, kind) + content


def _full(kind: bytes, *parts: bytes, version: int = 0) -> bytes:
    return _box(kind, struct.pack(">I", version << 24), *parts)

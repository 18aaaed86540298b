"""The frames at the end of an MP3 file, which show whether it is whole.

A frame of MPEG audio (ISO/IEC 11172-3 and 13818-3) starts with 4 bytes: 11 bits that are 1, and
what its length follows from. There is no length of the whole file, unless its first frame has a
Xing or Info header.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

TAIL = 1 << 16
"""Bytes at the end that are looked at."""

SURE = 3
"""So many frames in a row are no accident."""

_SYNC = 0xFFE0
_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
# kilobits per second by (MPEG 1?, layer)
_BITRATES = {
    (True, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_BITRATES[False, 3] = _BITRATES[False, 2]


class Frame(NamedTuple):
    """What the header of a frame says.

    Attributes:
        kind: Version, layer and rate, which are the same in all frames of a file.
        size: Length in bytes, with the header.
    """

    kind: tuple[int, int, int]
    size: int


def frame_at(data: bytes, place: int) -> Frame | None:
    """Return the frame whose header is there; None if there is no header, or one without a size."""
    if place + 4 > len(data) or int.from_bytes(data[place : place + 2]) & _SYNC != _SYNC:
        return None
    version, layer = data[place + 1] >> 3 & 3, 4 - (data[place + 1] >> 1 & 3)
    bitrate, rate = data[place + 2] >> 4, data[place + 2] >> 2 & 3
    if version == 1 or layer == 4 or bitrate in (0, 15) or rate == 3:
        return None
    bits = _BITRATES[version == 3, layer][bitrate - 1] * 1000
    hertz, padding = _RATES[version][rate], data[place + 2] >> 1 & 1
    if layer == 1:
        size = (12 * bits // hertz + padding) * 4
    else:
        size = (72 if layer == 3 and version != 3 else 144) * bits // hertz + padding
    return Frame((version, layer, hertz), size)


def missing_bytes(stream: BinaryIO) -> int:
    """Return how many bytes the last frame of a file lacks; 0 if it is whole or not found.

    What follows the last frame, such as tags, does not count, and a file that was cut between two
    frames looks whole.
    """
    size = stream.seek(0, io.SEEK_END)
    stream.seek(max(0, size - TAIL))
    data = stream.read(TAIL)
    place = _first(data)
    if place is None:
        return 0
    kind = None
    while (frame := frame_at(data, place)) is not None and kind in (None, frame.kind):
        kind, place = frame.kind, place + frame.size
    return max(0, place - len(data))


def _first(data: bytes) -> int | None:
    """Return the place of the first of `SURE` frames in a row."""
    place = data.find(b"\xff")
    while place >= 0:
        if _is_frame(data, place):
            return place
        place = data.find(b"\xff", place + 1)
    return None


def _is_frame(data: bytes, place: int) -> bool:
    kind = None
    for _ in range(SURE):
        frame = frame_at(data, place)
        if frame is None or kind not in (None, frame.kind):
            return False
        kind, place = frame.kind, place + frame.size
    return True


def has_length(stream: BinaryIO) -> bool:
    """Return whether the first frame of an MP3 file has a header with the number of frames.

    Without one, the number is estimated by the size of the first frame, and a few may be missing.
    """
    stream.seek(0)
    head = stream.read(10)
    tag = 0
    if head.startswith(b"ID3"):
        for byte in head[6:10]:
            tag = tag << 7 | byte & 0x7F
        tag += 10
    stream.seek(tag)
    first = stream.read(4096)
    return any(mark in first for mark in (b"Xing", b"Info", b"VBRI"))


@contextmanager
def unheard() -> Iterator[None]:
    """Hide what libmpg123 writes to the standard error stream within the block.

    Where it starts to read within a file, it calls it an error that frames need others before them.
    """
    try:
        kept = os.dup(2)
    except OSError:  # the stream is closed
        yield
        return
    try:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
            yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)

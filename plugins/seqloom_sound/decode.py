"""From sound files to samples, by libsndfile."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace
from typing import BinaryIO

import numpy as np
import soundfile

from seqloom.errors import plural
from seqloom_sound.mp3 import has_length, missing_bytes, unheard

FORMATS = ("WAV", "WAVEX", "FLAC", "OGG", "MP3")
"""Formats that are decoded, whatever the suffix of a file; truncation is detected in these, in MP3
without a Xing or Info header only if the last frame is not whole."""

LONGEST = 1 << 26  # samples of all channels: an hour of sound, 256 MiB of memory
MP3_LEAD = 3  # seconds; at 8 kbit/s, the 511 bytes before a frame are in up to two seconds
SLACK = 0.1  # seconds that a part may end after the sound, as rounded times do
_UNKNOWN = 0x7FFFF000  # sizes above are written by programs that cannot seek back to the start
_NO_LENGTH = 1 << 62  # samples; libsndfile gives the largest number where the header has none
_SHORTER = re.compile(r"^data : (\d+) \(should be (\d+)\)", re.MULTILINE)
_HEADER = 1 << 12  # bytes of a file without samples
_PAGE = 1 << 16  # bytes that the last page of an OGG file is in


def decode(data: bytes, name: str) -> tuple[np.ndarray, int]:
    """Return the samples, (T,) or (T, channels) float32 in ±1, and the samples per second.

    Args:
        data: Content of the file.
        name: Name of the file in messages.

    Raises:
        ValueError: If the format is not in `FORMATS`, or the file is damaged or truncated.
    """
    with opened(io.BytesIO(data), name) as file:
        return read_part(file, name), file.samplerate


@contextmanager
def opened(stream: BinaryIO, name: str) -> Iterator[soundfile.SoundFile]:
    """Yield an open sound file, whose samples are not read yet.

    Args:
        stream: Content of the file.
        name: Name of the file in messages.

    Raises:
        ValueError: If the format is not in `FORMATS`, or the file is damaged or truncated; also
            where that is found in the block.
    """
    size = _require_end(stream, name)
    try:
        with soundfile.SoundFile(_nameless(stream)) as file:
            if file.format not in FORMATS:
                raise ValueError(
                    f"{name} has the format {file.format_info}. Convert it to WAV or FLAC."
                )
            if file.frames >= _NO_LENGTH:
                raise ValueError(
                    f"{name} has no length in its header, as of a stream. Write it again, for "
                    "example with flac -d and flac."
                )
            if not file.frames and size > _HEADER:
                raise ValueError(
                    f"{name} has {size} bytes, but its header says that it has no samples, as if "
                    "it was not written to its end. Write it again, for example with sox "
                    "--ignore-length IN.wav OUT.wav."
                )
            yield file
    except soundfile.LibsndfileError as error:
        raise ValueError(
            f"{name} cannot be read as a sound file: {error.error_string} Expected WAV, FLAC, OGG "
            "or MP3."
        ) from None


def _nameless(stream: BinaryIO) -> SimpleNamespace:
    """Return a stream without its name, whose suffix (.raw) would count more than its content.

    It is what ``SoundFile.name`` returns; ``estimated`` says that it is MP3 without a length.
    """
    names = ("read", "readinto", "seek", "tell")
    estimated = _is_mp3(stream) and not has_length(stream)
    stream.seek(0)
    return SimpleNamespace(**{name: getattr(stream, name) for name in names}, estimated=estimated)


def _is_mp3(stream: BinaryIO) -> bool:
    stream.seek(0)
    head = stream.read(4)
    return head.startswith(b"ID3") or head[:1] == b"\xff"


def read_part(
    file: soundfile.SoundFile, name: str, offset: float = 0.0, duration: float | None = None
) -> np.ndarray:
    """Return the samples of an open file or of a part of it.

    Args:
        file: File.
        name: Name of the file in messages.
        offset: Start of the part in seconds.
        duration: Length of the part in seconds; None: to the end of the file.

    Returns:
        Samples, (T,) or (T, channels) float32 in ±1.

    Raises:
        ValueError: If the file is truncated, or ends before the part does.
    """
    start, count = part_range(file, name, offset, duration)
    if count * file.channels > LONGEST:
        raise ValueError(
            f"{name} declares {count} samples of {file.channels} "
            f"{plural(file.channels, 'channel')}, more than the maximum of {LONGEST}. Cut it into "
            "pieces."
        )
    if duration is None:
        require_whole(file, name)
    samples = read_at(file, start, count)
    if len(samples) < count and not (len(samples) and getattr(file.name, "estimated", False)):
        raise ValueError(f"{name} is truncated: {len(samples)} of {count} samples are there.")
    return samples


def read_at(
    file: soundfile.SoundFile, start: int, count: int, *, always_2d: bool = False
) -> np.ndarray:
    """Return what an open file has from a frame on, the same as a whole read has there.

    A frame of MP3 has bytes in the frames before it, and soundfile seeks after each read, so that
    the seconds before are read as well.

    Args:
        file: File.
        start: First frame.
        count: Number of frames.
        always_2d: Whether the samples of a single channel are (T, 1) rather than (T,).
    """
    lead = min(start, MP3_LEAD * file.samplerate) if file.format == "MP3" else 0
    with unheard() if lead else nullcontext():
        if file.tell() != start - lead:
            file.seek(start - lead)
        samples: np.ndarray = file.read(lead + count, dtype="float32", always_2d=always_2d)
    return samples[lead:]


def require_whole(file: soundfile.SoundFile, name: str) -> None:
    """Refuse an open file that is shorter than its header says.

    Raises:
        ValueError: If it is truncated.
    """
    found = _SHORTER.search(file.extra_info)
    if found and int(found[2]) < int(found[1]) < _UNKNOWN:
        raise ValueError(f"{name} is truncated: {found[2]} of {found[1]} bytes of sound are there.")


def _require_end(stream: BinaryIO, name: str) -> int:
    """Refuse a file that ends too early, where no header has its length; return its bytes.

    That is an OGG file (RFC 3533) whose last page is not whole, or is not marked as the last, or an
    MP3 file whose last frame is not whole.

    Raises:
        ValueError: If it is truncated so, or empty.
    """
    size = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    head = stream.read(4)
    if not head:
        raise ValueError(f"{name} is empty.")
    if head == b"OggS":
        stream.seek(max(0, size - _PAGE))
        tail = stream.read(_PAGE)
        page = tail[tail.rfind(b"OggS") :]
        parts = page[27 : 27 + page[26]] if len(page) > 26 else b""
        if not parts or not page[5] & 4 or len(page) < 27 + page[26] + sum(parts):
            raise ValueError(f"{name} is truncated: its last page is not whole, or not the last.")
    if _is_mp3(stream) and (missing := missing_bytes(stream)):
        raise ValueError(f"{name} is truncated: its last frame lacks {missing} bytes.")
    stream.seek(0)
    return size


def part_range(
    file: soundfile.SoundFile, name: str, offset: float, duration: float | None
) -> tuple[int, int]:
    """Return the first sample of a part, and the number of samples; see `read_part`.

    Raises:
        ValueError: If the file ends before the part does.
    """
    for what, value in (("offset", offset), ("duration", duration)):
        if value is not None and not (math.isfinite(value) and value >= 0):
            raise ValueError(f"{name}: {what}={value}; expected a number of seconds, 0 or more.")
    rate, total = file.samplerate, file.frames
    start = round(offset * rate)
    if start and start >= total:
        raise ValueError(
            f"{name} ends at {total / rate:g} s, before the part that starts at {offset:g} s."
        )
    if duration is None:
        return start, total - start
    count = max(1, round(duration * rate))
    if start + count > total + SLACK * rate:
        raise ValueError(
            f"{name} ends at {total / rate:g} s, before the end of the part from {offset:g} s to "
            f"{offset + duration:g} s."
        )
    return start, min(count, total - start)

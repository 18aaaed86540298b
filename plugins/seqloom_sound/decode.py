"""From the bytes of a sound file to samples, by libsndfile."""

from __future__ import annotations

import io
import re

import numpy as np
import soundfile

FORMATS = ("WAV", "WAVEX", "FLAC")
"""Formats that are decoded, whatever the suffix of a file; truncation can be detected in these."""

LONGEST = 1 << 26  # samples of all channels: an hour of sound, 256 MiB of memory
_UNKNOWN = 0x7FFFF000  # sizes above are written by programs that cannot seek back to the start
_SHORTER = re.compile(r"^data : (\d+) \(should be (\d+)\)", re.MULTILINE)


def decode(data: bytes, name: str) -> tuple[np.ndarray, int]:
    """Return the samples, (T,) or (T, channels) float32 in ±1, and the samples per second.

    Args:
        data: Content of the file.
        name: Name of the file in messages.

    Raises:
        ValueError: If the format is not in `FORMATS`, or the file is damaged or truncated.
    """
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            _check(file, name)
            samples = file.read(dtype="float32")
            declared, rate = file.frames, file.samplerate
    except soundfile.LibsndfileError as error:
        raise ValueError(
            f"{name} cannot be read as a sound file: {error.error_string} Expected WAV or FLAC."
        ) from None
    if len(samples) < declared:
        raise ValueError(f"{name} is truncated: {len(samples)} of {declared} samples are there.")
    return samples, rate


def _check(file: soundfile.SoundFile, name: str) -> None:
    if file.format not in FORMATS:
        raise ValueError(f"{name} has the format {file.format_info}. Convert it to WAV or FLAC.")
    if file.frames * file.channels > LONGEST:
        raise ValueError(
            f"{name} declares {file.frames} samples of {file.channels} channels, more than the "
            f"maximum of {LONGEST}. Cut it into pieces."
        )
    found = _SHORTER.search(file.extra_info)
    if found and int(found[2]) < int(found[1]) < _UNKNOWN:
        raise ValueError(f"{name} is truncated: {found[2]} of {found[1]} bytes of sound are there.")

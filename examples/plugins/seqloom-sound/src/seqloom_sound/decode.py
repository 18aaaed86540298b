"""From the bytes of a sound file to samples, by libsndfile."""

from __future__ import annotations

import io
import re

import numpy as np
import soundfile

FORMATS = ("WAV", "WAVEX", "FLAC")
"""What is decoded, whatever a file is called; of these, what was cut off can be told."""

LONGEST = 1 << 28  # samples of all channels: hours, and 1 GiB of memory
_UNKNOWN = 0x7FFFF000  # sizes from here on are written by programs that cannot go back to the start
_SHORTER = re.compile(r"^data : (\d+) \(should be (\d+)\)", re.MULTILINE)


def decode(data: bytes, name: str) -> tuple[np.ndarray, int]:
    """Return the samples, (T,) or (T, channels) float32 in ±1, and how many there are a second.

    Args:
        data: the file.
        name: of it in messages.

    Raises:
        ValueError: it is of another format than `FORMATS`, is damaged, or was cut off.
    """
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            _check(file, name)
            samples = file.read(dtype="float32")
            declared, rate = file.frames, file.samplerate
    except soundfile.LibsndfileError as error:
        raise ValueError(
            f"{name} is no sound file that can be read: {error.error_string} Expected WAV or FLAC."
        ) from None
    if len(samples) < declared:
        raise ValueError(f"{name} was cut off: {len(samples)} of {declared} samples are there.")
    return samples, rate


def _check(file: soundfile.SoundFile, name: str) -> None:
    if file.format not in FORMATS:
        raise ValueError(f"{name} is a file of {file.format_info}; convert it to WAV or FLAC.")
    if file.frames * file.channels > LONGEST:
        raise ValueError(
            f"{name} claims {file.frames} samples of {file.channels} channels, more than the "
            f"{LONGEST} that are decoded; cut it into pieces."
        )
    found = _SHORTER.search(file.extra_info)
    if found and int(found[2]) < int(found[1]) < _UNKNOWN:
        raise ValueError(f"{name} was cut off: {found[2]} of {found[1]} bytes of sound are there.")

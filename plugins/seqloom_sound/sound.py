"""The kind of field ``sound``: its values, and how they are loaded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import gcd
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import soundfile

from seqloom.errors import plural
from seqloom.files import expanded
from seqloom_sound.decode import opened, read_part
from seqloom_sound.place import Place

MOST_CHANNELS = 256
"""Maximum number of channels of an array; one of more is taken to be the wrong way round."""

HIGHEST_RATE = 1_000_000
"""Maximum number of samples per second; the filter of `resampled` grows with it."""

UNNAMED = "the sound"
"""Name in messages of a sound that has none."""


@runtime_checkable
class Loadable(Protocol):
    """Anything that loads a sound when it is needed."""

    def load(self) -> tuple[np.ndarray, int]:
        """Return the samples and the number of samples per second."""


@dataclass(frozen=True, eq=False)
class Sound:
    """A sound in memory.

    Attributes:
        samples: (T,) or (T, channels); floating-point in ±1, or signed integers.
        rate: Samples per second.
        name: Name in messages, or of the file that the sound is a part of.
    """

    samples: np.ndarray
    rate: int
    name: str = UNNAMED

    def __str__(self) -> str:
        return self.name

    def load(self) -> tuple[np.ndarray, int]:
        """Return the samples and the rate."""
        return self.samples, self.rate


@dataclass(frozen=True)
class SoundFile:
    """A sound file, or a part of one, that is decoded when it is needed.

    Attributes:
        path: Path of the sound file, or of the .zip that contains it.
        member: Name in the .zip.
        offset: Start of the part in seconds.
        duration: Length of the part in seconds; None: to the end of the file.
        channel: Number of the channel, from 0; None: the mean of all channels.
    """

    path: str
    member: str | None = None
    offset: float = 0.0
    duration: float | None = None
    channel: int | None = None

    def __str__(self) -> str:
        return self.path if self.member is None else f"{self.path}/{self.member}"

    @contextmanager
    def open(self) -> Iterator[soundfile.SoundFile]:
        """Yield the open file, at its start, whatever the part.

        Raises:
            ValueError: If the file is missing, or is no sound file that can be read; also where
                that is found in the block. The text is a sentence.
        """
        path = expanded(self.path)
        place, name = (path.parent, path.name) if self.member is None else (path, self.member)
        with Place(place).open(name) as stream, opened(stream, str(self)) as file:
            if self.channel is not None and self.channel >= file.channels:
                raise ValueError(
                    f"{self} has {file.channels} {plural(file.channels, 'channel')}, numbered from "
                    "0, but channel "
                    f"{self.channel} is to be read."
                )
            yield file

    def load(self) -> tuple[np.ndarray, int]:
        """Return the samples, (T,) or (T, channels) float32, and the rate.

        Raises:
            ValueError: If the file is missing or cannot be decoded, or ends before the part does.
        """
        with self.open() as file:
            samples = read_part(file, str(self), self.offset, self.duration)
            rate = file.samplerate
        return chosen(samples, self.channel), rate

    @property
    def seconds(self) -> float:
        """The length in seconds, of which only that of a whole file is looked up.

        Raises:
            ValueError: If the file is missing, or is no sound file that can be read.
        """
        if self.duration is not None:
            return self.duration
        with self.open() as file:
            return max(0.0, float(file.frames / file.samplerate) - self.offset)


def chosen(samples: np.ndarray, channel: int | None) -> np.ndarray:
    """Return a channel of samples, (T,), or all of them if it is None."""
    return samples if channel is None or samples.ndim == 1 else samples[:, channel]


def is_sound(value: Any) -> bool:
    """Return whether a value is of the kind ``sound``.

    A sound is an object whose ``load()`` returns a numpy array of samples, (T,) or (T, channels),
    and the number of samples per second, such as a `Sound` or `SoundFile`; or the pair that
    ``load()`` returns; or the path of a file.
    """
    if isinstance(value, tuple):
        return len(value) == 2 and isinstance(value[0], np.ndarray)
    return isinstance(value, str | Path | Loadable)


def load_sound(value: Any) -> tuple[np.ndarray, int]:
    """Return the samples of a sound, (T,) float32, and the number of samples per second.

    Channels are averaged. Integers are divided by the range of their type; floating-point samples
    are not changed, full scale being ±1.

    Raises:
        ValueError: If the value is not a sound, cannot be decoded, or has no samples or samples
            that are not finite.
    """
    if not is_sound(value):
        raise ValueError(
            f"a value of type {type(value).__name__} is not a sound; expected a path, a Sound, or "
            "a pair (array of samples, samples per second)."
        )
    if isinstance(value, str | Path):
        value = SoundFile(str(value))
    samples, rate = value.load() if isinstance(value, Loadable) else value
    name = str(value) if isinstance(value, Sound | SoundFile) else UNNAMED
    if not isinstance(rate, int | np.integer) or not 1 <= rate <= HIGHEST_RATE:
        raise ValueError(
            f"{name} has {rate!r} samples per second; expected a whole number from 1 to "
            f"{HIGHEST_RATE}."
        )
    return _mono(np.asarray(samples), name), int(rate)


def seconds_of(value: Any) -> float:
    """Return the length of a sound in seconds, without decoding it if it is a file.

    Raises:
        ValueError: As `load_sound`.
    """
    if isinstance(value, str | Path):
        value = SoundFile(str(value))
    if isinstance(value, SoundFile):
        return value.seconds
    samples, rate = load_sound(value)
    return len(samples) / rate


def _mono(samples: np.ndarray, name: str) -> np.ndarray:
    if samples.ndim not in (1, 2) or samples.dtype.kind not in "fi":
        raise ValueError(
            f"{name} is an array of {samples.dtype} with shape {samples.shape}; expected float or "
            "signed integer samples of shape (T,) or (T, channels)."
        )
    if not samples.size:
        raise ValueError(f"{name} has no samples.")
    if samples.ndim == 2 and samples.shape[1] > MOST_CHANNELS:
        raise ValueError(
            f"{name} is an array of shape {samples.shape}, which is {samples.shape[1]} channels; "
            f"expected (T, channels), at most {MOST_CHANNELS} channels. Transpose it."
        )
    scale = 1.0 if samples.dtype.kind == "f" else -float(np.iinfo(samples.dtype).min)
    values = samples.astype(np.float32) / np.float32(scale)
    mixed = values if values.ndim == 1 else values.mean(axis=1)
    wrong = np.flatnonzero(~np.isfinite(mixed))
    if len(wrong):
        raise ValueError(f"{name}: sample {wrong[0]} (from 0) is {mixed[wrong[0]]}.")
    return mixed


def resampled(samples: np.ndarray, rate: int, wanted: int) -> np.ndarray:
    """Return the samples, (T,), at another rate, without aliasing."""
    if rate == wanted:
        return samples
    from scipy.signal import resample_poly

    common = gcd(rate, wanted)
    return np.asarray(resample_poly(samples, wanted // common, rate // common))


def resampled_size(count: int, rate: int, wanted: int) -> int:
    """Return how many samples `resampled` returns."""
    return -(-count * wanted // rate)

"""Recordings one after another, with pauses between them and noise in the background."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np

from seqloom_sound.sound import SoundFile, load_sound, resampled

FRAME = 0.01  # seconds over which the loudness is measured
MARGIN = 0.02  # seconds that are kept before and after what is loud
FADE = 0.005  # seconds at both ends of a recording in which it is faded, so that it does not click


@dataclass(frozen=True)
class SoundString:
    """A sound that is composed when it is loaded; always of the same samples.

    Attributes:
        parts: The recordings.
        pauses: Seconds of silence before, between and after them; one more than parts.
        snr: Ratio of their power to that of the noise, in decibels.
        trim: Ends of a part that are this many decibels below its loudest frame are cut off; 0:
            none are.
        seed: Text that the noise follows from.
    """

    parts: tuple[SoundFile, ...]
    pauses: tuple[float, ...]
    snr: float
    trim: float
    seed: str

    def __str__(self) -> str:
        return f"the string of {', '.join(map(str, self.parts))}"

    def load(self) -> tuple[np.ndarray, int]:
        """Return the samples, (T,) float32, and the rate, which is that of the first part.

        Raises:
            ValueError: If a part cannot be decoded; the text names it.
        """
        first, rate = load_sound(self.parts[0])
        parts = [first]
        for part in self.parts[1:]:
            samples, own = load_sound(part)
            parts.append(resampled(samples, own, rate))
        if self.trim:
            parts = [trimmed(samples, rate, self.trim) for samples in parts]
        gaps = [np.zeros(round(pause * rate), np.float32) for pause in self.pauses]
        pieces = [gaps[0]]
        for samples, gap in zip(parts, gaps[1:], strict=True):
            pieces += [faded(samples, rate), gap]
        samples = np.concatenate(pieces)
        power = sum(float((part**2).sum()) for part in parts) / sum(map(len, parts))
        rng = np.random.default_rng(zlib.crc32(self.seed.encode()))
        noise = coloured_noise(len(samples), rng.uniform(0, 1), rng)
        return samples + np.float32(np.sqrt(power) * 10 ** (-self.snr / 20)) * noise, rate


def trimmed(samples: np.ndarray, rate: int, decibels: float) -> np.ndarray:
    """Return the samples without ends that are much softer than the loudest frame.

    Args:
        samples: Samples, (T,) with T ≥ 1.
        rate: Samples per second.
        decibels: How much softer.
    """
    size = max(1, round(FRAME * rate))
    frames = np.pad(samples, (0, -len(samples) % size)).reshape(-1, size)
    power = (frames**2).sum(axis=1)
    loud = np.flatnonzero(power >= power.max() * 10 ** (-decibels / 10))
    margin = round(MARGIN * rate)
    return samples[max(0, loud[0] * size - margin) : (loud[-1] + 1) * size + margin]


def faded(samples: np.ndarray, rate: int) -> np.ndarray:
    """Return the samples, faded in and out."""
    count = min(round(FADE * rate), len(samples) // 2)
    gain = np.ones(len(samples), np.float32)
    gain[:count] = (np.arange(count) + 0.5) / count if count else 1
    return samples * gain * gain[::-1]


def coloured_noise(count: int, slope: float, rng: np.random.Generator) -> np.ndarray:
    """Return noise of power 1 whose spectrum falls with the frequency to the power ``slope``.

    Args:
        count: Number of samples, at least 1.
        slope: 0 for white noise, 1 for pink.
        rng: Generator of the noise.

    Returns:
        Samples, (count,) float32.
    """
    size = 1 << (count - 1).bit_length()  # transforms of other sizes may take far longer
    spectrum = np.fft.rfft(rng.normal(size=size))
    spectrum *= np.maximum(np.arange(len(spectrum)), 1.0) ** (-slope / 2)
    noise = np.fft.irfft(spectrum, size)[:count]
    return np.asarray(noise / max(float(np.sqrt((noise**2).mean())), 1e-12), np.float32)

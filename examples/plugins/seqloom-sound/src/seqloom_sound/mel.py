"""From samples to the power in bands of the mel scale.

The scale is that of O'Shaughnessy (Speech Communication, 1987) and of HTK: m = 2595 log10(1 + f /
700). Bands are triangles of height 1 on that scale's even grid, each from its lower neighbour's
middle to its upper neighbour's (Davis & Mermelstein 1980). Their heights do not matter, since each
band gets a mean and a deviation of its own afterwards.
"""

from __future__ import annotations

import math

import numpy as np
from seqloom.errors import ConfigError

BLOCK = 4096  # frames that are transformed at once: bounds the memory for long sounds
FINEST = 16  # windows are padded with zeros to no more than this times their length


def to_mel(hertz: float) -> float:
    """Return a frequency in mel."""
    return 2595.0 * math.log10(1.0 + hertz / 700.0)


def from_mel(mel: np.ndarray) -> np.ndarray:
    """Return frequencies in hertz."""
    return np.asarray(700.0 * (10.0 ** (mel / 2595.0) - 1.0))


def filterbank(rate: int, size: int, bands: int, low: float, high: float) -> np.ndarray:
    """Return the weight of each bin of a Fourier transform in each band.

    Args:
        rate: samples per second.
        size: of the transform, in samples; even.
        bands: how many.
        low: where the lowest begins, in hertz.
        high: where the highest ends, in hertz.

    Returns:
        (bands, size / 2 + 1).
    """
    edges = from_mel(np.linspace(to_mel(low), to_mel(high), bands + 2))[:, None]
    bins = np.arange(size // 2 + 1) * (rate / size)
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    return np.asarray(np.maximum(0.0, np.minimum(rising, falling)))


class MelSpectrum:
    """Gives the power in each band for each frame of a sound.

    Args:
        rate: samples per second.
        window: length of a frame, in milliseconds; it is weighted by a Hann window.
        step: from one frame to the next, in milliseconds.
        bands: how many.
        low: where the lowest begins, in hertz.
        high: where the highest ends, in hertz; 0: half of the rate.

    Attributes:
        window: length of a frame, in samples.
        step: from one frame to the next, in samples.
        high: where the highest band ends, in hertz.

    Raises:
        ConfigError: the bands reach beyond half of the rate, or are too narrow.
    """

    def __init__(
        self, rate: int, *, window: float, step: float, bands: int, low: float, high: float
    ) -> None:
        self.high = high or rate / 2
        if not low < self.high <= rate / 2:
            raise ConfigError(
                f"frontend.low={low}, frontend.high={self.high}: with {rate} samples per second, "
                f"bands lie between 0 and {rate / 2:g} Hz, the lower end first."
            )
        self.window = max(4, round(rate * window / 1000))  # Hann's window is zero at its start
        self.step = max(1, round(rate * step / 1000))
        self._weights = _hann(self.window)
        self._bank = _fine_enough(rate, self.window, bands, low, self.high)
        self._size = 2 * (self._bank.shape[1] - 1)

    def frames(self, samples: int) -> int:
        """Return the number of frames of a sound: every sample is in one, the last is filled up."""
        return 1 + -(-max(0, samples - self.window) // self.step)

    def __call__(self, samples: np.ndarray) -> np.ndarray:
        """Return the power, (frames, bands), of samples, (T,) with T ≥ 1."""
        count = self.frames(len(samples))
        missing = (count - 1) * self.step + self.window - len(samples)
        padded = np.pad(samples.astype(np.float64), (0, missing))
        frames = np.lib.stride_tricks.sliding_window_view(padded, self.window)[:: self.step]
        blocks = [self._power(frames[at : at + BLOCK]) for at in range(0, count, BLOCK)]
        return np.concatenate(blocks)

    def _power(self, frames: np.ndarray) -> np.ndarray:
        spectrum = np.fft.rfft(frames * self._weights, self._size)
        return np.asarray((spectrum.real**2 + spectrum.imag**2) @ self._bank.T)


def _hann(size: int) -> np.ndarray:
    """Return a periodic Hann window, the one that spectra are taken with."""
    return np.asarray(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size))


def _fine_enough(rate: int, window: int, bands: int, low: float, high: float) -> np.ndarray:
    """Return the filters for the least transform in which no band is without a bin."""
    size = 1 << max(1, (window - 1).bit_length())
    for _ in range(FINEST.bit_length()):
        bank = filterbank(rate, size, bands, low, high)
        if bank.any(axis=1).all():
            return bank
        size *= 2
    raise ConfigError(
        f"frontend.bands={bands} between {low:g} and {high:g} Hz are too narrow for a window of "
        f"{window} samples; take fewer bands or a longer frontend.window."
    )

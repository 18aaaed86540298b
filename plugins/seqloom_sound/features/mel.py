"""From samples to the power in bands of the mel scale.

The scale is that of O'Shaughnessy (Speech Communication, 1987) and of HTK: m = 2595 log10(1 + f /
700). Bands are triangles of height 1, evenly spaced on this scale; each extends from the middle of
its lower neighbour to that of its upper neighbour (Davis & Mermelstein 1980). Their heights do not
matter, since each band is normalized afterwards.
"""

from __future__ import annotations

import math

import numpy as np

from seqloom.errors import Cause, ConfigError

BLOCK = 4096  # frames that are transformed at once, to limit the memory for long sounds
FINEST = 16  # windows are zero-padded to at most this multiple of their length


def to_mel(hertz: float) -> float:
    """Return a frequency in mel."""
    return 2595.0 * math.log10(1.0 + hertz / 700.0)


def to_mels(hertz: np.ndarray) -> np.ndarray:
    """Return frequencies in mel."""
    return np.asarray(2595.0 * np.log10(1.0 + hertz / 700.0))


def from_mel(mel: np.ndarray) -> np.ndarray:
    """Return frequencies in hertz."""
    return np.asarray(700.0 * (10.0 ** (mel / 2595.0) - 1.0))


def filterbank(rate: int, size: int, bands: int, low: float, high: float) -> np.ndarray:
    """Return the weight of each bin of a Fourier transform in each band.

    Args:
        rate: Samples per second.
        size: Size of the transform in samples; even.
        bands: Number of bands.
        low: Lower end of the lowest band, in hertz.
        high: Upper end of the highest band, in hertz.

    Returns:
        Weights, (bands, size / 2 + 1).
    """
    edges = from_mel(np.linspace(to_mel(low), to_mel(high), bands + 2))[:, None]
    bins = np.arange(size // 2 + 1) * (rate / size)
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    return np.asarray(np.maximum(0.0, np.minimum(rising, falling)))


class MelSpectrum:
    """Function that returns the power in each band for each frame of a sound.

    Args:
        rate: Samples per second.
        window: Length of a frame in milliseconds; frames are weighted by a Hann window.
        step: Time from one frame to the next in milliseconds.
        bands: Number of bands.
        low: Lower end of the lowest band, in hertz.
        high: Upper end of the highest band, in hertz; 0: half of the rate.

    Attributes:
        window: Length of a frame in samples.
        step: Number of samples from one frame to the next.
        low: Lower end of the lowest band, in hertz.
        high: Upper end of the highest band, in hertz.
        bank: Weight of each bin of the Fourier transform in each band, (bands, bins).
        resolution: Distance of the bins in hertz.

    Raises:
        ConfigError: If the bands extend beyond half of the rate, or are too narrow.
    """

    def __init__(
        self, rate: int, *, window: float, step: float, bands: int, low: float, high: float
    ) -> None:
        self.low, self.high = low, high or rate / 2
        if not low < self.high <= rate / 2:
            raise ConfigError(
                f"frontend.low={low}, frontend.high={self.high}: with {rate} samples per second, "
                f"expected 0 ≤ low < high ≤ {rate / 2:g} Hz.",
                cause=Cause.wrong_value,
            )
        self.window = max(4, round(rate * window / 1000))  # the Hann window is zero at its start
        self.step = max(1, round(rate * step / 1000))
        self._weights = _hann(self.window)
        self.bank = _fine_enough(rate, self.window, bands, low, self.high)
        self._size = 2 * (self.bank.shape[1] - 1)
        self.resolution = rate / self._size

    def frames(self, samples: int) -> int:
        """Return the number of frames of a sound; the last one is padded with zeros."""
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
        return np.asarray((spectrum.real**2 + spectrum.imag**2) @ self.bank.T)


def _hann(size: int) -> np.ndarray:
    """Return a periodic Hann window."""
    return np.asarray(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size))


def _fine_enough(rate: int, window: int, bands: int, low: float, high: float) -> np.ndarray:
    """Return the filters for the smallest transform in which every band has a bin."""
    size = 1 << max(1, (window - 1).bit_length())
    for _ in range(FINEST.bit_length()):
        bank = filterbank(rate, size, bands, low, high)
        if bank.any(axis=1).all():
            return bank
        size *= 2
    raise ConfigError(
        f"frontend.bands={bands} between {low:g} and {high:g} Hz are too narrow for a window of "
        f"{window} samples. Set fewer bands or a longer frontend.window."
    )

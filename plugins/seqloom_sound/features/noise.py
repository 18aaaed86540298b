"""Noise that is mixed into features, by its power in the bands."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from seqloom_sound.features.mel import MelSpectrum
from seqloom_sound.schemas.frontend import NoiseColor

COLORS = (NoiseColor.white, NoiseColor.pink, NoiseColor.measured)
QUIETEST = 0.1
"""Share of the frames of a sound that its noise is measured in."""

_HANN = 1.5  # neighbouring bins that a Hann window makes one, at the noise it lets through


class Noise:
    """Random power of noise, as frames of independent samples have it.

    The power of Gaussian noise in n independent bins has a gamma distribution of shape n, of which
    the cube root is nearly normal (Wilson and Hilferty 1931).

    Args:
        spectrum: How features are computed.
        measured: Mean power of each band in the quietest frames, see `quietest`; None: unknown, and
            white noise takes its place.

    Attributes:
        powers: Color → share of each band in the power, (bands,).
        shape: Number of independent bins in each band, (bands,).
    """

    def __init__(self, spectrum: MelSpectrum, measured: Sequence[float] | None) -> None:
        bank, bins = spectrum.bank, np.arange(spectrum.bank.shape[1]) * spectrum.resolution
        white = bank.sum(axis=1)
        pink = bank @ (1 / np.maximum(bins, spectrum.resolution))
        found = white if measured is None else np.array(measured)
        colors = zip(COLORS, (white, pink, found), strict=True)
        self.powers = {str(name): np.float32(power / power.sum()) for name, power in colors}
        size = 2 * (bank.shape[1] - 1)
        independent = white**2 / (bank**2).sum(axis=1) * (spectrum.window / size) / _HANN
        self.shape = np.maximum(independent, 1.0)
        self._middle = np.float32(1 - 1 / (9 * self.shape))
        self._spread = np.float32(1 / (3 * np.sqrt(self.shape)))

    def mixed(
        self, logarithms: np.ndarray, decibel: float, color: str, rng: np.random.Generator
    ) -> np.ndarray:
        """Return the logarithms of the power, (T, bands), with noise added.

        Args:
            logarithms: Logarithms of the power of a sound, (T, bands), in nats.
            decibel: Ratio of the mean power of the sound to that of the noise.
            color: Color of the noise; see `NoiseColor`.
            rng: Generator of the noise.
        """
        if color == NoiseColor.any:
            color = COLORS[int(rng.integers(len(COLORS)))]
        power = np.exp(logarithms)
        total = power.sum(axis=1).mean() * np.float32(10 ** (-decibel / 10))
        roots = rng.standard_normal(logarithms.shape, dtype=np.float32)
        roots *= self._spread
        roots += self._middle
        noise = np.maximum(roots, 0) ** 3 * (self.powers[str(color)] * total)
        return np.asarray(np.log(power + noise))


def quietest(power: np.ndarray) -> np.ndarray:
    """Return the mean power of each band, (bands,), in the quietest frames of (T, bands)."""
    count = max(1, round(QUIETEST * len(power)))
    order = np.argsort(power.sum(axis=1), kind="stable")[:count]
    return np.asarray(power[order].mean(axis=0))
